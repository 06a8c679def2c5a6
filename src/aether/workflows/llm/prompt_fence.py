"""Prompt fence: marks a caller's text in a prompt as material, and undoes its escapes in the model's reply.

`<` is escaped as `&lt;`, so a text between tags cannot close them. `&lt;` itself is escaped as `&amp;lt;`, that as
`&amp;amp;lt;` and so on, so that no two texts look alike. Everything else stays as it is, since models copy what they
read, and escapes that are not needed would end up in their answers.
"""

import re
from collections.abc import Iterable

_UNSAFE = re.compile(r"<|&(?=(?:amp;)*lt;)")
_ESCAPE = re.compile(r"&(?P<amp>amp;)?(?P<rest>(?:amp;)*lt;)")
_BEGINNING = re.compile(r"&(?:amp;)*(?:a|am|amp|l|lt)?")  # of an escape whose end has not come yet


def fence(tag: str, text: str) -> str:
    """Put a text between tags that it cannot close."""
    return f"<{tag}>\n{escape(text)}\n</{tag}>"


def escape(text: str) -> str:
    """Write a text as it stands in a fence."""
    return _UNSAFE.sub(lambda unsafe: "&lt;" if unsafe[0] == "<" else "&amp;", text)


def unescape(reply: str, prompts: Iterable[str]) -> str:
    """Undo, in a model's reply, the escapes that stand in the prompts it answers.

    An escape that stands in none of them was not copied: the model means what it wrote, as in a text about HTML.
    """
    unescaper = Unescaper(prompts)
    return unescaper.feed(reply) + unescaper.end()


class Unescaper:
    """Does what `unescape` does with a reply that comes in pieces; an escape may be split between them."""

    def __init__(self, prompts: Iterable[str]) -> None:
        self._copied = {escaped[0] for prompt in prompts for escaped in _ESCAPE.finditer(prompt)}
        self._longest = max(map(len, self._copied), default=0)
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return the text that is known now."""
        if not self._copied:
            return piece
        text = self._held + piece
        beginning = text.rfind("&", max(0, len(text) - self._longest + 1))
        is_open = beginning >= 0 and _BEGINNING.fullmatch(text, beginning)
        text, self._held = (text[:beginning], text[beginning:]) if is_open else (text, "")
        return _ESCAPE.sub(self._undo, text)

    def end(self) -> str:
        """Return what was held back, because no piece follows."""
        held, self._held = self._held, ""
        return held

    def _undo(self, found: re.Match[str]) -> str:
        return _plain(found) if found[0] in self._copied else found[0]


def _plain(escaped: re.Match[str]) -> str:
    return f"&{escaped['rest']}" if escaped["amp"] else "<"
