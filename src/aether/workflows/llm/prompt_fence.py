"""Prompt fence: marks a caller's text in a prompt as material, and undoes its escapes in the model's reply.

`<` is escaped as `&lt;`, so a text between tags cannot close them. `&lt;` itself is escaped as `&amp;lt;`, that as
`&amp;amp;lt;` and so on, so that no two texts look alike. Everything else stays as it is, since models copy what they
read, and escapes that are not needed would end up in their answers.
"""

import re
from collections.abc import Iterable

_UNSAFE = re.compile(r"<|&(?=(?:amp;)*lt;)")
_ESCAPE = re.compile(r"&(?P<amp>amp;)?(?P<rest>(?:amp;)*lt;)")


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
    copied = {escaped[0] for prompt in prompts for escaped in _ESCAPE.finditer(prompt)}
    return _ESCAPE.sub(lambda found: _plain(found) if found[0] in copied else found[0], reply) if copied else reply


def _plain(escaped: re.Match[str]) -> str:
    return f"&{escaped['rest']}" if escaped["amp"] else "<"
