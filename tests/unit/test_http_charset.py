"""Charset: which media types name it."""

import pytest

from aether.api.middleware.charset import with_charset


@pytest.mark.parametrize(
    "media_type",
    [
        b"application/json",
        b"application/problem+json",
        b"application/vnd.oai.openapi+json",
        b"text/event-stream",
        b"text/html",
        b"text/css",
        b"Application/JSON",
    ],
)
def test_the_charset_of_a_text_is_named(media_type: bytes) -> None:
    assert with_charset(media_type) == media_type + b"; charset=utf-8"


@pytest.mark.parametrize(
    "content_type", [b"image/png", b"application/octet-stream", b"text/html; charset=utf-8", b"application/jsonp", b""]
)
def test_any_other_media_type_is_left_alone(content_type: bytes) -> None:
    assert with_charset(content_type) == content_type
