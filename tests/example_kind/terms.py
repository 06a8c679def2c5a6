"""Terms of a glossary, and what they mean; they stand for `aether.domain.glossary`."""

import msgspec


class Terms(msgspec.Struct, frozen=True):
    """The terms of a text."""

    names: tuple[str, ...]


class Explanation(msgspec.Struct, frozen=True):
    """What a term means."""

    text: str
