"""File response: a file that never changes, sent whole, in part, or not at all (RFC 9110, 13 and 14)."""

from typing import Annotated

import msgspec
from litestar import Response
from litestar.datastructures import ResponseHeader
from litestar.openapi import ResponseSpec
from litestar.params import HeaderParameter
from litestar.status_codes import HTTP_206_PARTIAL_CONTENT, HTTP_304_NOT_MODIFIED

from aether.api.http.byte_ranges import parse_range
from aether.api.http.etag import IfNoneMatch, is_current
from aether.api.http.responses import no_body

BINARY = "application/octet-stream"
"""The media type of files in the OpenAPI document; generated clients treat it as bytes."""
FILE_MEDIA_TYPES = ("image/*", BINARY)
"""The media types that a caller may name in `Accept` to get a file."""

Range = Annotated[
    str,
    HeaderParameter(
        name="Range",
        description="One range of bytes, to get only those. Anything else gets the whole file.",
        # The name that RFC 9110, 14.2 gives to the format. Any text is valid, but a file may lack the range.
        schema_extra={"format": "ranges-specifier", "examples": ["bytes=0-1023"]},
    ),
]
IfRange = Annotated[str, HeaderParameter(name="If-Range", description="The ETag of the file whose bytes you have.")]

FILE_HEADERS = [
    ResponseHeader(name="ETag", description="The SHA-256 of the file, in quotes.", documentation_only=True),
    ResponseHeader(name="Accept-Ranges", description="`bytes`.", documentation_only=True),
    ResponseHeader(name="Cache-Control", description="How long the file is available.", documentation_only=True),
]
FILE_RESPONSES = {
    HTTP_206_PARTIAL_CONTENT: ResponseSpec(bytes, media_type=BINARY, description="The bytes in that range.")
} | no_body(HTTP_304_NOT_MODIFIED, "You have this file already.")


class FileConditions(msgspec.Struct, frozen=True):
    """The headers of a request for a file: which version the caller has, and which bytes are wanted."""

    if_none_match: str
    byte_range: str
    if_range: str

    def is_cached(self, digest: str) -> bool:
        """Whether the caller has the file with this digest already."""
        return is_current(self.if_none_match, f'"{digest}"')

    def range_of(self, digest: str, size: int) -> range | None:
        """Return the byte positions that the caller wants of this file; None is the whole file.

        Raises:
            UnsatisfiableRangeError: the file has no such bytes.
        """
        return parse_range(self.byte_range, size) if self.if_range.strip() in ("", f'"{digest}"') else None


def file_conditions(if_none_match: IfNoneMatch = "", byte_range: Range = "", if_range: IfRange = "") -> FileConditions:
    """Read the headers of a request."""
    return FileConditions(if_none_match, byte_range, if_range)


def not_modified(headers: dict[str, str]) -> Response[bytes]:
    """Return the response to a caller that has the file already."""
    return Response(b"", status_code=HTTP_304_NOT_MODIFIED, headers=headers)


def partial_content(
    content: bytes, byte_range: range, size: int, media_type: str, headers: dict[str, str]
) -> Response[bytes]:
    """Return the response with a part of a file of this size."""
    headers = headers | {"Content-Range": f"bytes {byte_range.start}-{byte_range.stop - 1}/{size}"}
    return Response(content, status_code=HTTP_206_PARTIAL_CONTENT, media_type=media_type, headers=headers)
