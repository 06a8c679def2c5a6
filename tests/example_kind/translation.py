"""Translation: the request, and the paragraphs that it becomes."""

from typing import Annotated

import msgspec

from aether.domain.text_field import text

MAX_TEXT = 20_000
"""Characters."""


class TranslationRequest(msgspec.Struct, frozen=True):
    """What a caller may ask for."""

    text: Annotated[str, text("The text to translate.", MAX_TEXT, multiline=True)]
    language: Annotated[str, text("The language to translate it into.", 50)]

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The paragraphs of the text; an empty line stands between two of them."""
        return tuple(part.strip() for part in self.text.split("\n\n") if part.strip())


class Paragraph(msgspec.Struct, frozen=True):
    """A paragraph in the other language."""

    text: str
