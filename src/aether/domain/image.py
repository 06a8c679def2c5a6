"""What a generation is: the prompt, and the images that are made from it."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Self

import msgspec
from msgspec import Meta

from aether.domain.text_field import text

MAX_IMAGES = 4
AUTO = "auto"

ImageCount = Annotated[int, Meta(ge=1, le=MAX_IMAGES, description="How many images to make.")]
ImageSize = Annotated[
    str,
    Meta(
        # "$" alone would let a line break pass behind it.
        pattern=r"^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$(?!\n)",
        description="Width and height in pixels, each from 10 to 9999, as far as the model offers them; `auto` leaves "
        "them to it.",
        examples=["1024x1024"],
    ),
]


class GenerationRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a caller may ask for."""

    prompt: Annotated[
        str, text("What the images show.", 4_000, lines=True, examples=["A lighthouse in a storm, in oils"])
    ]
    count: ImageCount = 1
    size: ImageSize = AUTO


class Image(msgspec.Struct, frozen=True):
    """A finished image: what it is and how many bytes it has.

    `digest` is their SHA-256 in hex, and the name under which the job's files hold them: nobody can put other bytes in
    the place of an image that is finished.
    """

    media_type: str
    size: int
    digest: str

    @classmethod
    def of(cls, content: bytes) -> Self | None:
        """Describe these bytes, if they are an image."""
        media_type = media_type_of(content)
        if media_type is None:
            return None
        return cls(media_type, len(content), hashlib.sha256(content).hexdigest())


def media_type_of(content: bytes) -> str | None:
    """Recognise what browsers show, by how it begins and by having its end; None is anything else, or half of one.

    SVG is a document that may run scripts: no image in this sense. That every pixel can be decoded is not proved; only
    a decoder could, at the price of handing it bytes from outside.
    """
    return next((media_type for media_type, fits in _FORMATS.items() if fits(content)), None)


_PNG = re.compile(rb"\x89PNG\r\n\x1a\n.{4}IHDR", re.DOTALL)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_BOX_HEAD = 8


def _is_png(content: bytes) -> bool:
    return bool(_PNG.match(content)) and _end(content).endswith(b"IEND\xaeB`\x82")


def _is_jpeg(content: bytes) -> bool:
    return content.startswith(b"\xff\xd8\xff") and _end(content).endswith(b"\xff\xd9")


def _is_gif(content: bytes) -> bool:
    return content.startswith((b"GIF87a", b"GIF89a")) and _end(content).endswith(b";")


def _is_webp(content: bytes) -> bool:
    announced = _BOX_HEAD + int.from_bytes(content[4:8], "little")
    return content.startswith(b"RIFF") and content[8:15] == b"WEBPVP8" and announced <= len(content)


def _is_avif(content: bytes) -> bool:
    brands = content[8 : min(int.from_bytes(content[:4], "big"), 256)]
    named = {brands[at : at + 4] for at in range(0, len(brands), 4)}
    return content[4:8] == b"ftyp" and bool(named & _AVIF_BRANDS) and b"mdat" in _boxes(content)


_FORMATS: Mapping[str, Callable[[bytes], bool]] = {
    "image/png": _is_png,
    "image/jpeg": _is_jpeg,
    "image/webp": _is_webp,
    "image/gif": _is_gif,
    "image/avif": _is_avif,
}


def _end(content: bytes) -> bytes:
    """Return the last bytes, without the padding that some writers append."""
    return content[-64:].rstrip(b"\0\r\n ")


def _boxes(content: bytes) -> set[bytes]:
    """Name the boxes of ISO/IEC 14496-12 that add up to the content; none if they do not."""
    kinds, at = set(), 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        elif size == 0:
            size = len(content) - at
        if size < _BOX_HEAD:
            break
        kinds.add(content[at + 4 : at + 8])
        at += size
    return kinds if at == len(content) else set()
