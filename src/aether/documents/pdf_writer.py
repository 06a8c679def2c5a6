"""PDF writer: a document as PDF/UA, typeset by Typst from a constant template."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path

import msgspec
import typst

from aether.documents.errors import DocumentTooLargeError, MissingFontError
from aether.documents.model import Document
from aether.documents.scripts import families_for, script_of

# Typst's message, which a test holds: the text is in Rust's notation of strings.
_NO_FONT = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}")
_MAX_NAMED = 4
_TEMPLATE = Path(__file__).parent / "pdf_template" / "document.typ"


def write_pdf(document: Document, fonts: Path | None) -> bytes:
    """Return the PDF; `fonts` is a folder with fonts beside those of the system.

    The same document gives the same bytes, as long as the fonts are the same.

    Raises:
        MissingFontError: no font has a character of the text.
        DocumentTooLargeError: Typst cannot lay it out.
    """
    found = _fonts(fonts)
    inputs = {
        "document": msgspec.json.encode(document).decode(),
        "fonts": msgspec.json.encode(families_for(document.language, found.families())).decode(),
    }
    try:
        pdf = _compiler(fonts).compile(
            input=_template(),
            format="pdf",
            sys_inputs=inputs,
            pdf_standards=["ua-1"],
            timestamp=int(datetime.fromisoformat(document.created_at).timestamp()),
        )
    except typst.TypstError as error:
        missing = characters_without_font(f"{error.message}\n{error.diagnostic}")
        if missing:
            raise missing_font(missing) from error
        reason = error.message.partition("\n")[0]
        raise DocumentTooLargeError(f"The document cannot be laid out: {reason}") from error
    if not isinstance(pdf, bytes):
        raise TypeError(pdf)
    return pdf


@lru_cache(maxsize=4)
def _fonts(folder: Path | None) -> typst.Fonts:
    return typst.Fonts(font_paths=[folder] if folder else [])


@lru_cache(maxsize=4)
def _compiler(folder: Path | None) -> typst.Compiler:
    # The folder of the template is all that it could read: no other file, no package, and nothing from the network.
    root = _TEMPLATE.parent
    return typst.Compiler(
        root=root, font_paths=_fonts(folder), ignore_system_fonts=True, package_path=root, package_cache_path=root
    )


@cache
def _template() -> bytes:
    return _TEMPLATE.read_bytes()


def characters_without_font(message: str) -> tuple[str, ...]:
    """Return the characters that Typst found no font for, from its message."""
    texts = (_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) for text in _NO_FONT.findall(message))
    return tuple(dict.fromkeys("".join(texts)))


def missing_font(characters: Iterable[str]) -> MissingFontError:
    """Return the error for characters that no font has."""
    scripts = {script.name: (script, character) for character in characters for script in [script_of(character)]}
    found = list(scripts.values())[:_MAX_NAMED]
    return MissingFontError(
        [script.name for script, _ in found],
        [script.families[0] for script, _ in found],
        " ".join(f"{character} U+{ord(character):04X}" for _, character in found),
    )
