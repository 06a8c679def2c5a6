"""Open enumeration: words that this version knows, and any other word that a newer version may have stored."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from typing_extensions import override


class OpenEnum(StrEnum):
    """A `StrEnum` that takes unknown words as they are.

    API and worker processes of different versions share one store. A word of a newer version becomes a value that
    equals its text and is written back unchanged; iteration does not return it. Compare with `==`, since two values of
    the same unknown word are two objects.
    """

    @classmethod
    @override
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown

    @classmethod
    def in_order(cls, words: Iterable[Self]) -> tuple[Self, ...]:
        """Return the words in the order of the members, those that are unknown last."""
        order = {word: at for at, word in enumerate(cls)}
        return tuple(sorted(words, key=lambda word: (order.get(word, len(order)), word)))

    @property
    def is_known(self) -> bool:
        """Whether this version knows the word."""
        return self in type(self)._value2member_map_
