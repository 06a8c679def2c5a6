import hashlib
import struct
from time import process_time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.domain.image import GenerationRequest, Image, detect_media_type
from aether.domain.text_field import trim
from aether.errors import FieldError
from tests.scripted_model import png


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 8) + kind + data


def webp(kind: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + 8 + 10) + b"WEBP" + kind + struct.pack("<I", 10) + bytes(10)


AVIF = box(b"ftyp", b"avif" + bytes(4) + b"avifmif1") + box(b"meta", bytes(40)) + box(b"mdat", bytes(100))
LARGE_BOX = struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", 16 + 5) + bytes(5)
IMAGES = {
    "png": (png(3), "image/png"),
    "png, padded": (png(3) + b"\0\0\n", "image/png"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(40) + b"\xff\xd9", "image/jpeg"),
    "jpeg with Exif": (b"\xff\xd8\xff\xe1\0\x10Exif\0" + bytes(40) + b"\xff\xd9", "image/jpeg"),
    "gif": (b"GIF89a" + bytes(30) + b"\0;", "image/gif"),
    "old gif": (b"GIF87a" + bytes(30) + b"\0;", "image/gif"),
    "lossy webp": (webp(b"VP8 "), "image/webp"),
    "lossless webp": (webp(b"VP8L"), "image/webp"),
    "extended webp": (webp(b"VP8X"), "image/webp"),
    "avif": (AVIF, "image/avif"),
    "avif by its second brand": (box(b"ftyp", b"mif1" + bytes(4) + b"mif1avif") + box(b"mdat", b"x"), "image/avif"),
    "avif sequence": (box(b"ftyp", b"avis" + bytes(4)) + box(b"mdat", b"x"), "image/avif"),
    "avif with a large box": (box(b"ftyp", b"avif" + bytes(4)) + LARGE_BOX, "image/avif"),
    "avif that goes on to the end": (box(b"ftyp", b"avif" + bytes(4)) + b"\0\0\0\0mdat..", "image/avif"),
}
NO_IMAGES = {
    "nothing": b"",
    "text": b"A lighthouse in a storm",
    "html": b"<!doctype html><title>Sign in</title>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "svg with a head": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "json": b'{"error": {"message": "no"}}',
    "pdf": b"%PDF-1.7\n%%EOF",
    "wave": b"RIFF" + struct.pack("<I", 30) + b"WAVEfmt " + bytes(22),
    "heic": box(b"ftyp", b"heic" + bytes(4) + b"mif1heic") + box(b"mdat", b"x"),
    "mp4": box(b"ftyp", b"isom" + bytes(4) + b"isomavc1") + box(b"mdat", b"x"),
    "an image after a page": b"<!doctype html>" + png(1),
    "a page after an image": png(1) + b"<script>alert(1)</script>",
    "a brand outside of its box": box(b"ftyp", b"isom" + bytes(4)) + box(b"avif", b"x"),
    "a box of no size": box(b"ftyp", b"avif" + bytes(4)) + b"\0\0\0\7mdat...",
}


@pytest.mark.parametrize(("content", "expected"), IMAGES.values(), ids=IMAGES)
def test_an_image_is_recognised(content: bytes, expected: str) -> None:
    assert expected == detect_media_type(content)


@pytest.mark.parametrize("content", NO_IMAGES.values(), ids=NO_IMAGES)
def test_other_content_is_no_image(content: bytes) -> None:
    assert detect_media_type(content) is None


@given(st.sampled_from(["png", "jpeg", "gif", "extended webp", "avif", "avif with a large box"]), st.data())
def test_a_truncated_image_is_no_image(name: str, data: st.DataObject) -> None:
    whole, _ = IMAGES[name]

    assert detect_media_type(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF", b"\0\0\0\x10ftypavif"]),
    st.binary(max_size=200),
)
def test_no_bytes_crash_the_recognition(head: bytes, rest: bytes) -> None:
    image = Image.of(head + rest)

    assert image is None or (image.media_type.startswith("image/") and image.size == len(head + rest))


def test_an_image_of_very_many_boxes_is_no_image() -> None:
    """Millions of boxes would keep the process busy for seconds."""
    boxes = b"\0\0\0\x10ftypavif\0\0\0\0" + b"\0\0\0\x08mdat" * 2_000_000

    assert detect_media_type(boxes[:64]) == "image/avif"
    began = process_time()
    assert detect_media_type(boxes) is None
    assert process_time() - began < 0.1


def test_an_image_is_described_by_its_bytes() -> None:
    content = png(3)

    assert Image.of(content) == Image("image/png", len(content), hashlib.sha256(content).hexdigest())


def test_other_content_is_not_described() -> None:
    assert Image.of(b"<svg/>") is None


def test_the_default_is_one_image_of_the_models_own_size() -> None:
    assert GenerationRequest("Fog", 1, "auto") == msgspec.json.decode(b'{"prompt": "Fog"}', type=GenerationRequest)


@pytest.mark.parametrize("size", ["auto", "256x256", "1024x1024", "1792x1024", "10x9999"])
def test_any_valid_size_is_accepted(size: str) -> None:
    assert size == msgspec.convert({"prompt": "Fog", "size": size}, GenerationRequest).size


@pytest.mark.parametrize(
    "broken",
    [
        {"size": ""},
        {"size": "Auto"},
        {"size": "1024"},
        {"size": "1024X1024"},
        {"size": "1024x1024\n"},
        {"size": " 1024x1024"},
        {"size": "0x0"},
        {"size": "9x9"},
        {"size": "010x100"},
        {"size": "10000x10"},
        {"size": "-10x10"},
        {"size": "\u0661\u0662x\u0661\u0662"},
        {"size": None},
        {"count": 0},
        {"count": 5},
        {"count": 1.5},
        {"prompt": None},
    ],
)
def test_an_invalid_request_is_rejected(broken: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"prompt": "Fog", **broken}, GenerationRequest)


def test_a_prompt_may_have_lines_and_has_a_limit() -> None:
    request = GenerationRequest("  Fog\nand rain \n")
    trim(request)

    assert request.prompt == "Fog\nand rain"
    with pytest.raises(FieldError, match="must be 1 to 4000 characters long"):
        trim(GenerationRequest("x" * 4_001))
