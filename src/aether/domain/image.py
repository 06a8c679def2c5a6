"""Image records: the request to generate images, and the formats that are accepted."""

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
        # `$` alone would allow a trailing line break.
        pattern=r"^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$(?!\n)",
        description="Width and height in pixels, each from 10 to 9999, as far as the model offers them; `auto` leaves "
        "them to it.",
        examples=["1024x1024"],
    ),
]


class GenerationRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The request for images."""

    prompt: Annotated[
        str, text("What the images show.", 4_000, multiline=True, examples=["A lighthouse in a storm, in oils"])
    ]
    count: ImageCount = 1
    size: ImageSize = AUTO


class Image(msgspec.Struct, frozen=True):
    """A finished image: its media type and size in bytes.

    `digest` is the SHA-256 of the bytes in hexadecimal and the name of the job's file that holds them, so that a
    finished image cannot be replaced by other bytes.
    """

    media_type: str
    size: int
    digest: str

    @classmethod
    def of(cls, content: bytes) -> Self | None:
        """Describe these bytes; None if they are no image."""
        media_type = detect_media_type(content)
        if media_type is None:
            return None
        return cls(media_type, len(content), hashlib.sha256(content).hexdigest())


def detect_media_type(content: bytes) -> str | None:
    """Recognise the image formats of browsers by their first and last bytes; None if unknown or truncated.

    SVG is not accepted, because it may contain scripts. Whether the pixels can be decoded is not checked: that needs a
    decoder, which would then have to parse untrusted bytes.
    """
    return next((media_type for media_type, fits in _FORMATS.items() if fits(content)), None)


_PNG = re.compile(rb"\x89PNG\r\n\x1a\n.{4}IHDR", re.DOTALL)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_BOX_HEADER = 8
_MAX_BOXES = 1_000  # an image has a few


def _is_png(content: bytes) -> bool:
    return bool(_PNG.match(content)) and _strip_padding(content).endswith(b"IEND\xaeB`\x82")


def _is_jpeg(content: bytes) -> bool:
    return content.startswith(b"\xff\xd8\xff") and _strip_padding(content).endswith(b"\xff\xd9")


def _is_gif(content: bytes) -> bool:
    return content.startswith((b"GIF87a", b"GIF89a")) and _strip_padding(content).endswith(b";")


def _is_webp(content: bytes) -> bool:
    total_size = _BOX_HEADER + int.from_bytes(content[4:8], "little")
    return content.startswith(b"RIFF") and content[8:15] == b"WEBPVP8" and total_size <= len(content)


def _is_avif(content: bytes) -> bool:
    brands = content[8 : min(int.from_bytes(content[:4], "big"), 256)]
    found = {brands[at : at + 4] for at in range(0, len(brands), 4)}
    return content[4:8] == b"ftyp" and bool(found & _AVIF_BRANDS) and b"mdat" in _box_types(content)


_FORMATS: Mapping[str, Callable[[bytes], bool]] = {
    "image/png": _is_png,
    "image/jpeg": _is_jpeg,
    "image/webp": _is_webp,
    "image/gif": _is_gif,
    "image/avif": _is_avif,
}


def _strip_padding(content: bytes) -> bytes:
    """Return the last bytes without padding, which some encoders append."""
    return content[-64:].rstrip(b"\0\r\n ")


def _box_types(content: bytes) -> set[bytes]:
    """Return the types of the content's boxes (ISO/IEC 14496-12); none if their sizes do not add up to the content."""
    types: set[bytes] = set()
    at = 0
    for _ in range(_MAX_BOXES):
        size = int.from_bytes(content[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        elif size == 0:
            size = len(content) - at
        if size < _BOX_HEADER:
            break
        types.add(content[at + 4 : at + 8])
        at += size
        if at >= len(content):
            break
    return types if at == len(content) else set()
