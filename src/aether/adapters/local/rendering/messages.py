"""Messages between the renderer and its child processes: each follows its length.

Requests are JSON, like the content of a manuscript; replies are MessagePack, which has bytes.
"""

import struct
from typing import TypeAlias

import msgspec

from aether.documents.formats import FormatName
from aether.documents.manuscript import Manuscript

HEADER = struct.Struct(">I")


class RenderRequest(msgspec.Struct, frozen=True):
    """A manuscript, and the format it is wanted in."""

    manuscript: Manuscript
    format_name: FormatName


class Rendered(msgspec.Struct, frozen=True, tag=True):
    """The file."""

    content: bytes


class FontMissing(msgspec.Struct, frozen=True, tag=True):
    """No font has a character of the text: the arguments of the error."""

    scripts: tuple[str, ...]
    fonts: tuple[str, ...]
    examples: str


class TooLarge(msgspec.Struct, frozen=True, tag=True):
    """The document exceeds a limit; the message says which."""

    message: str


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The writer has a defect; the traceback is for the log."""

    traceback: str


Reply: TypeAlias = Rendered | FontMissing | TooLarge | Failed

decode_request = msgspec.json.Decoder(RenderRequest).decode
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def decode_reply(content: bytes) -> Reply:
    """Return the reply in a message."""
    return _reply_decoder.decode(content)


def frame(message: RenderRequest | Reply) -> bytes:
    """Return the bytes to send for a message."""
    encode = msgspec.json.encode if isinstance(message, RenderRequest) else msgspec.msgpack.encode
    content = encode(message)
    return HEADER.pack(len(content)) + content
