"""Proxy headers: which values of `X-Forwarded-Prefix` are a prefix."""

import pytest

from aether.server.proxy_headers import parse_prefix


@pytest.mark.parametrize(
    ("values", "prefix"),
    [
        ((b"/aether",), "/aether"),
        ((b"/aether/",), "/aether"),
        ((b"aether",), "/aether"),
        ((b" /aether ",), "/aether"),
        ((b"/apps/aether-1.0_b~c",), "/apps/aether-1.0_b~c"),
        ((b"/apps,/aether",), "/apps/aether"),
        ((b"/apps/ , /aether/",), "/apps/aether"),
        ((b"/apps", b"/aether"), "/apps/aether"),
        ((b"/%C3%A4ther",), "/%C3%A4ther"),
        ((b"//evil.example",), "/evil.example"),
        ((b"/",), ""),
        ((b"",), ""),
        ((b"/a//b",), ""),
        ((b"/../x",), ""),
        ((b"/a/..",), ""),
        ((b"https://evil.example/a",), ""),
        ((b"/a b",), ""),
        ((b"/a?b",), ""),
        ((b"/a#b",), ""),
        ((b'/a"><script>',), ""),
        ((b"/\xe4",), ""),
        ((b"\\evil",), ""),
    ],
)
def test_a_prefix_is_a_path_without_its_final_slash(values: tuple[bytes, ...], prefix: str) -> None:
    assert parse_prefix(values) == prefix
