"""Charset: names UTF-8 in the `Content-Type` of every text.

JSON is always UTF-8 (RFC 8259, 8.1), but clients such as Windows PowerShell 5.1 read text without a charset as Latin-1.
"""

import re
from functools import lru_cache

_TEXT = re.compile(rb"(?:text/[^;]+|application/(?:[^;]+\+)?json)\s*", re.IGNORECASE)


@lru_cache(maxsize=64)
def with_charset(content_type: bytes) -> bytes:
    """Return a media type with its charset, if it is a text and has no parameters yet."""
    return content_type + b"; charset=utf-8" if _TEXT.fullmatch(content_type) else content_type
