"""Images: requests for them, their content, and the files at the addresses of images that are not in the answer."""

import base64
import struct
import zlib
from collections.abc import Mapping

import msgspec
from msgspec import UNSET, UnsetType

from tests.scripted_model.actions import HttpError, Picture, client_error
from tests.scripted_model.calls import Call
from tests.scripted_model.replies import CREATED, Reply, error_reply, json_reply

FILES_PATH = "/files"
TOO_LARGE = 300_000
"""Bytes in the file "large": more than a test's limit, and more than a socket's buffers hold."""

_MISSING = client_error(404, "The file has expired.")
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_PAGE = b"<!doctype html><title>Sign in</title>"


class ImageRequest(msgspec.Struct, frozen=True):
    """The fields of a request that change the answer; the others are in the call's raw body."""

    prompt: str
    model: str = ""
    n: int = 1


class _Usage(msgspec.Struct):
    input_tokens: int
    output_tokens: int
    total_tokens: int


class _ImageData(msgspec.Struct, omit_defaults=True):
    b64_json: str | UnsetType = UNSET
    url: str | UnsetType = UNSET


class _Images(msgspec.Struct):
    created: int
    data: list[_ImageData]
    usage: _Usage | UnsetType = UNSET


_encode = msgspec.json.Encoder().encode


def image_reply(call: Call, request: ImageRequest, picture: Picture, host: str) -> Reply:
    """Return the answer with as many images as requested; as with OpenAI, only one that contains them has a usage."""
    if picture.url is not None:
        return json_reply(_encode(_Images(CREATED, [_ImageData(url=picture.url)])))
    if picture.as_url:
        address = f"http://{host}{FILES_PATH}?name={picture.file}&of={call.seq}"
        return json_reply(_encode(_Images(CREATED, [_ImageData(url=address)] * request.n)))
    content = base64.b64encode(file(picture.file, call.seq)).decode()
    prompt, output = len(request.prompt) // 4, 272 * request.n
    usage = _Usage(prompt, output, prompt + output)
    return json_reply(_encode(_Images(CREATED, [_ImageData(content)] * request.n, usage)))


def file_reply(name: str, seq: int) -> Reply:
    """Return the file at an address, always with the content type of a PNG."""
    return error_reply(_MISSING) if name == "missing" else json_reply(file(name, seq), content_type="image/png")


def file(name: str, seq: int) -> bytes:
    """Return the file of this name for the image of call `seq`."""
    return png(seq) if name == "png" else _files()[name]


def png(seed: int) -> bytes:
    """Return a real PNG of 8 × 8 pixels, a different one for each seed."""
    pixel = bytes((seed * 40 % 256, seed * 90 % 256, seed // 256 % 256))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + pixel * 8) * 8)
    chunks = (b"IHDR", header), (b"tEXt", b"seed\0%d" % seed), (b"IDAT", rows), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def size_error(size: str = "1x1") -> HttpError:
    """Return the 400 for a size that the model does not offer."""
    return client_error(400, f"Invalid value: '{size}'. Supported values are: '1024x1024'.", "invalid_value", "size")


def _files() -> Mapping[str, bytes]:
    return {
        "html": _PAGE,
        "svg": _SVG,
        "empty": b"",
        "truncated": png(0)[:-9],
        "large": png(0)[:-12] + _chunk(b"teXt", bytes(TOO_LARGE)) + png(0)[-12:],
    }


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
