import asyncio
import base64
import json
import os
import time
from typing import Self

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aether.adapters.openai.lenient_json import JsonDocument, decode_small
from aether.errors import UnusableOutputError

ALPHABET = st.sampled_from(["a", "é", "€", "😀", "\n", '"', "\\", "\t", "\x01", "\u2028", "ud83d", "\\u"])
MEGABYTES = 4


async def content_of(document: bytes, max_chars: int = 10**9) -> str:
    decoded = await JsonDocument.decode(document)
    value = decoded.value
    assert isinstance(value, dict)
    return await decoded.text(value["content"], max_chars)


@given(st.lists(ALPHABET, min_size=1, max_size=40), st.booleans())
@example(parts=["a", "a", "a", "a", "a", "\\", "ud83d", "😀"], ascii_only=True)
def test_a_long_string_is_decoded_as_a_short_one_is(parts: list[str], ascii_only: object) -> None:
    """Its pieces are cut neither inside a character nor inside an escape."""
    text = "".join(parts) * (200_000 // len("".join(parts)))
    document = json.dumps({"content": text, "other": "x"}, ensure_ascii=bool(ascii_only)).encode()

    assert asyncio.run(content_of(document)) == text


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b'{"a": "caf\xe9"}', {"a": "caf\ufffd"}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        ('{"a": "é"}'.encode("utf-32-le"), {"a": "é"}),
        (b'{"a": "two\nlines"}', {"a": "two\nlines"}),
        (b'{"a": "bell\x07"}', {"a": "bell\x07"}),
        (b'{"a": Infinity}', {"a": float("inf")}),
        (b'\n {"a": 1} \r\n', {"a": 1}),
    ],
)
def test_json_with_flaws_is_decoded(document: bytes, expected: object) -> None:
    assert decode_small(document) == expected


@pytest.mark.parametrize("document", [b"", b"{", b"<html>", b"[" * 50_000, b'{"a": 1} {"b": 2}', b"\xff\xfe\x00"])
def test_what_is_no_json_is_an_unusable_answer(document: bytes) -> None:
    with pytest.raises(UnusableOutputError, match="no chat completion"):
        decode_small(document)


async def test_half_of_a_surrogate_pair_is_replaced() -> None:
    assert await content_of(b'{"content": "a\\ud83d b"}') == "a\ufffd b"
    assert (await content_of(b'{"content": "' + b"\\ud83d" * 20_000 + b'"}')) == "\ufffd" * 20_000


async def test_no_more_of_a_string_is_decoded_than_is_wanted() -> None:
    assert await content_of(json.dumps({"content": "ab" * 100_000}).encode(), 7) == "abababa"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes, base64.urlsafe_b64encode])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 1_000, 300_000])
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
async def test_base64_is_decoded_in_pieces(encode: object, size: int, prefix: str) -> None:
    content = os.urandom(size)
    document = await JsonDocument.decode(json.dumps({"content": prefix + encode(content).decode()}).encode())  # type: ignore[operator]

    assert await document.base64(document.value["content"], size, ValueError()) == content  # type: ignore[index]


async def test_base64_beyond_the_limit_is_not_decoded_to_its_end() -> None:
    document = await JsonDocument.decode(json.dumps({"content": base64.b64encode(bytes(300_000)).decode()}).encode())

    with pytest.raises(OverflowError):
        await document.base64(document.value["content"], 299_999, OverflowError())  # type: ignore[index]


def wrapped(content: bytes) -> bytes:
    return b'{"content":"' + content + b'"}'


SIZE = MEGABYTES * 1024 * 1024
LONG_TEXTS = {
    "a long string": b"a" * SIZE,
    "escapes": b"\\u00e9" * (SIZE // 6),
    "line ends": b"x\\n" * (SIZE // 3),
    "backslashes": b"\\\\" * (SIZE // 2),
    "halves of pairs": b"\\ud83d" * (SIZE // 6),
    "broken bytes": b"\xe9" * SIZE,
}
NO_ANSWERS = {
    "nested arrays": b'{"x":' + b"[" * SIZE,
    "empty arrays": b'{"x":[' + b"[]," * (SIZE // 3) + b"[]]}",
    "empty objects": b'{"x":[' + b"{}," * (SIZE // 3) + b"{}]}",
    "short strings": b"[" + b'"a",' * (SIZE // 4) + b"1]",
    "quotes": b'"' * SIZE,
    "no end": b'{"content":"' + b"a" * SIZE,
    "a backslash at the end": wrapped(b"a" * SIZE) + b"\\",
    "spaces": b" " * SIZE,
}


class LoopWatch:
    """Measures the longest time that the event loop was held inside the block, in seconds of CPU."""

    async def __aenter__(self) -> Self:
        self.longest_s = 0.0
        self._watching = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)
        self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            since = time.thread_time()
            await asyncio.sleep(0)
            self.longest_s = max(self.longest_s, time.thread_time() - since)


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
async def test_a_long_text_does_not_hold_the_event_loop(text: bytes) -> None:
    async with LoopWatch() as watch:
        assert await content_of(wrapped(text), 600_000)

    assert watch.longest_s < 0.05


@pytest.mark.parametrize("document", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_is_no_answer_does_not_hold_the_event_loop(document: bytes) -> None:
    async with LoopWatch() as watch:
        with pytest.raises(UnusableOutputError):
            await JsonDocument.decode(document)

    assert watch.longest_s < 0.05
