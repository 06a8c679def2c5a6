import pickle

import msgspec

from aether.domain.open_enum import OpenEnum


class Colour(OpenEnum):
    RED = "red"
    BLUE = "blue"


class Thing(msgspec.Struct):
    colour: Colour


def test_a_known_word_is_its_member() -> None:
    assert msgspec.json.decode(b'{"colour":"red"}', type=Thing).colour is Colour.RED


def test_an_unknown_word_is_carried_through_as_it_is() -> None:
    stored = b'{"colour":"mauve"}'
    thing = msgspec.json.decode(stored, type=Thing)

    assert thing.colour == "mauve"
    assert thing.colour == Colour("mauve")
    assert hash(thing.colour) == hash("mauve")
    assert f"{thing.colour}" == "mauve"
    assert pickle.loads(pickle.dumps(thing.colour)) == "mauve"  # noqa: S301 - pickled in the line itself
    assert msgspec.json.encode(thing) == stored


def test_only_members_are_known_and_iterated_over() -> None:
    assert [Colour.RED.is_known, Colour("mauve").is_known, Colour("RED").is_known] == [True, False, False]
    assert list(Colour) == [Colour.RED, Colour.BLUE]


def test_what_is_no_word_is_refused() -> None:
    for stored in (b'{"colour":3}', b'{"colour":null}'):
        try:
            msgspec.json.decode(stored, type=Thing)
        except msgspec.ValidationError:
            continue
        raise AssertionError(stored)


def test_unknown_words_come_behind_the_members() -> None:
    words = [Colour("mauve"), Colour.BLUE, Colour("ash"), Colour.RED]

    assert Colour.in_order(words) == (Colour.RED, Colour.BLUE, "ash", "mauve")
