# ruff: noqa: RUF001 - the words of other languages look like Latin ones
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.domain.report import Outline, OutlineItem
from aether.domain.report_request import ReportRequest
from aether.errors import UnusableOutputError
from aether.workflows.llm.ports import Message, Reply
from aether.workflows.report.outline_reader import OutlineReader
from aether.workflows.report.outline_review import review
from aether.workflows.report.prompts.full import FullPrompts
from tests.prose import BY_LANGUAGE
from tests.scripted_chat import USAGE

EXAMPLES = [message.content for message in FullPrompts().outline(ReportRequest("Rome")) if message.role == "assistant"]
GOOD = ("The Kingdom", "The Early Republic", "The Late Republic", "Emperors", "The Legacy of Rome")
Titles = Sequence[str | tuple[str, str]]


def outline(titles: Titles) -> Outline:
    return Outline.of(OutlineItem(each) if isinstance(each, str) else OutlineItem(*each) for each in titles)


def reviewed(*titles: str | tuple[str, str], topic: str = "Rome") -> tuple[list[str], list[str]]:
    repaired, faults = review(outline(titles), topic, EXAMPLES)
    return [item.title for item in repaired.items], [fault.reason for fault in faults]


@pytest.mark.parametrize(
    ("topic", "titles"),
    [
        ("Rome", GOOD),
        ("Rome", ("Introduction", *GOOD, "Conclusion")),
        ("Rome", ("Rome", *GOOD)[1:]),
        ("War", ("Causes of World War I", "Causes of World War II", "Causes of War")),
        ("Trade", ("The Internal Market", "The International Market")),
        ("Jazz", ("The History of Jazz in the 1920s", "The History of Jazz in the 1930s")),
        ("Green Tea", ("What Tea Is", "The History of Tea")),
        ("Titles", ("Titles of Nobility", "[Sic] and Other Notes", "Section 28 and Its Repeal")),
        ("量子计算", ("基本原理", "量子比特与量子门", "未来展望")),
        ("Рим", ("Начало города", "Республика", "Империя")),
        *(("A Report", tuple(texts)) for texts in BY_LANGUAGE.values()),
    ],
)
def test_headings_stay_as_they_are(topic: str, titles: tuple[str, ...]) -> None:
    assert reviewed(*titles, topic=topic) == (list(titles), [])


LONG = "How the city of Rome grew out of seven hills and a ford and what that meant for trade and for its neighbours"


@pytest.mark.parametrize(
    ("titles", "repaired"),
    [
        (("Rome: origins", "Rome: Fall", "Rome – Legacy"), ("Origins", "Fall", "Legacy")),
        (("罗马：起源", "罗马：衰落"), ("起源", "衰落")),
        ((("Section 1", "How the city began. And more."), "Fall"), ("How the city began", "Fall")),
        ((("[Title]", "The seven hills"), "Fall"), ("The seven hills", "Fall")),
        ((f"The Seven Hills: {LONG}"[:110], "Fall"), ("The Seven Hills", "Fall")),
    ],
)
def test_what_can_be_repaired_safely_is_repaired(titles: Titles, repaired: tuple[str, ...]) -> None:
    topic = "罗马" if "罗马" in titles[0] else "Rome"

    assert reviewed(*titles, topic=topic) == (list(repaired), [])


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        *(
            (title, f"“{title}” is no title")
            for title in (
                *(
                    "Section 1",
                    "Chapter One",
                    "Title",
                    "Section Title",
                    "Your Title Here",
                    "[…]",
                    "<title>",
                    "Heading 2",
                ),
                *("TBD", "Lorem ipsum", "…", "Untitled", "Abschnitt 3", "标题一", "第一章", "Глава 1", "الفصل الأول"),
                *("{heading}", "Section A", "string", "[Insert a title]"),
            )
        ),
        ("What Tea Is", "“What Tea Is” is a title of the example"),
        ("Die Geschichte des Brotes", "“Die Geschichte des Brotes” is a title of the example"),
        ("The Emperors", "the titles “Emperors” and “The Emperors” say the same"),
        ("Legacies of the Rome", "the titles “The Legacy of Rome” and “Legacies of the Rome” say the same"),
        ("Rome", "the title “Rome” only repeats the topic"),
        (LONG, "longer than a heading"),
    ],
)
def test_what_is_no_heading_is_told(title: str, reason: str) -> None:
    _, reasons = reviewed(*GOOD, title)

    assert len(reasons) == 1
    assert reason in reasons[0]


def test_all_sections_with_the_topic_as_title_are_told() -> None:
    assert len(reviewed("Rome", "Rome", "Rome")[1]) == 3


def reader(count: int | None = None) -> OutlineReader:
    return OutlineReader("Rome", count, FullPrompts().outline(ReportRequest("Rome")))


def reply(*titles: str) -> Reply:
    return Reply(
        json.dumps({"sections": [{"title": title, "covers": ""} for title in titles]}), cut_off=False, usage=USAGE
    )


def titles_of(found: Outline | None) -> list[str]:
    return [item.title for item in found.items] if found else []


@pytest.mark.parametrize(
    ("count", "titles", "expected"),
    [
        (None, (*GOOD, "Section 6"), GOOD),
        (None, (*GOOD[:4], "Emperors"), GOOD[:4]),
        (5, ("Title", *GOOD), GOOD),
        (3, (*GOOD[:2], "The Late Republic", "The Late Republic"), GOOD[:3]),
    ],
)
def test_sections_with_faults_are_left_out_if_enough_others_are_left(
    count: int | None, titles: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert titles_of(reader(count).read(reply(*titles))) == list(expected)


def test_an_outline_with_faults_is_asked_for_again_and_the_better_one_is_taken() -> None:
    better, worse = ("Origins", "Section 2", "Fall"), ("Section 1", "Section 2", "Fall")
    for first, second in ((better, worse), (worse, better), (better, (*GOOD[:3],))):
        reads = reader(3)
        with pytest.raises(UnusableOutputError, match="“Section 2” is no title"):
            reads.read(reply(*first))

        expected = list(second) if second[1] in GOOD else list(better)
        assert titles_of(reads.read(reply(*second))) == expected


def test_the_last_outline_has_no_title_that_is_longer_than_a_heading() -> None:
    reads = reader(2)
    with pytest.raises(UnusableOutputError):
        reads.read(reply(LONG, "Fall"))
    taken = reads.read(reply(LONG, "Fall"))

    assert titles_of(taken) == [LONG[:78].rpartition(" ")[0], "Fall"]
    assert taken.items[0].covers == LONG


def test_equal_titles_that_nobody_repaired_are_told_apart() -> None:
    reads = reader(2)
    with pytest.raises(UnusableOutputError):
        reads.read(reply("Fall", "Fall"))

    assert titles_of(reads.read(reply("Fall", "Fall"))) == ["Fall", "Fall (2)"]


def test_without_an_outline_there_is_none_to_fall_back_to() -> None:
    reads = reader()
    for text in ("No.", "No!"):
        with pytest.raises(UnusableOutputError, match="it holds no outline"):
            reads.read(Reply(text, cut_off=False, usage=USAGE))

    assert reads.best is None


words = st.sampled_from(
    ["Rome", "Section", "1", "Title", "[", "]", ":", " – ", "(2)", "What Tea Is", "罗马", "é", "x" * 90]
)


@given(
    st.lists(st.lists(words | st.text(max_size=4), max_size=6).map(" ".join), max_size=30),
    st.none() | st.integers(1, 20),
)
def test_any_outline_is_taken_in_the_end(titles: list[str], count: int | None) -> None:
    reads = reader(count)
    for _ in range(2):
        try:
            taken = reads.read(reply(*titles))
        except UnusableOutputError:
            continue
        assert count in (None, len(taken.items))
        assert len(set(titles_of(taken))) == len(taken.items) > 0


def test_messages_without_examples_are_fine() -> None:
    assert OutlineReader("Rome", None, [Message("user", "Titles?")]).read(reply(*GOOD)) == outline(GOOD)
