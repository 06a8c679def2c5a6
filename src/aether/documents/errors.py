"""Errors of documents: why a job cannot be had in a format."""

from collections.abc import Sequence

from aether.errors import AetherError, CallerError, TransientError
from aether.installation import extra_hint

FONT_SETTING = "AETHER_FONTS"


class MissingExtraError(AetherError):
    """This installation lacks the packages that a format needs."""

    def __init__(self, name: str, extra: str) -> None:
        super().__init__(f"This server cannot write {name} files. {extra_hint(extra)}")
        self.extra = extra


class MissingFontError(CallerError):
    """No font has the characters of some scripts; `scripts` are their names, `fonts` those that would help."""

    def __init__(self, scripts: Sequence[str], fonts: Sequence[str], examples: str) -> None:
        super().__init__(
            f"This server has no font for {' or '.join(scripts)} (such as {examples}). Install {' or '.join(fonts)} "
            f"there, or put the fonts into the folder that {FONT_SETTING} names. Formats other than pdf need none."
        )
        self.scripts = tuple(scripts)
        self.fonts = tuple(fonts)
        self.examples = examples


class DocumentTooLargeError(CallerError):
    """The document exceeds what is made of one job; the message says which limit."""


class RenderingBusyError(TransientError):
    """Too many documents are being rendered."""

    def __init__(self, retry_after: float = 5.0) -> None:
        super().__init__("Too many documents are being made now.", retry_after)
