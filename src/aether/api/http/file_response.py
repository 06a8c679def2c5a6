"""A file that never changes as an answer: whole, in part, or not again (RFC 9110, 13 and 14)."""

from typing import Annotated

import msgspec
from litestar import Response
from litestar.datastructures import ResponseHeader
from litestar.openapi import ResponseSpec
from litestar.params import HeaderParameter
from litestar.status_codes import HTTP_206_PARTIAL_CONTENT, HTTP_304_NOT_MODIFIED

from aether.api.http.byte_ranges import wanted_part
from aether.api.http.etag import IfNoneMatch, is_current
from aether.api.openapi.operations import BINARY, described

Range = Annotated[
    str,
    HeaderParameter(
        name="Range",
        description="One range of bytes, to get only those; with anything else comes the whole.",
        # As RFC 9110, 14.2 calls it. Any text is taken, but a range may be one that the file does not have.
        schema_extra={"format": "ranges-specifier", "examples": ["bytes=0-1023"]},
    ),
]
IfRange = Annotated[str, HeaderParameter(name="If-Range", description="The ETag of the file whose bytes you have.")]

FILE_HEADERS = [
    ResponseHeader(name="ETag", description="The SHA-256 of the file, in quotes.", documentation_only=True),
    ResponseHeader(name="Accept-Ranges", description="`bytes`.", documentation_only=True),
    ResponseHeader(name="Cache-Control", description="For how long the file is there.", documentation_only=True),
]
FILE_RESPONSES = {
    HTTP_206_PARTIAL_CONTENT: ResponseSpec(bytes, media_type=BINARY, description="The bytes in that range.")
} | described(HTTP_304_NOT_MODIFIED, "You have this file already.")


class FileConditions(msgspec.Struct, frozen=True):
    """What a request's headers say of the file it is about."""

    if_none_match: str
    part: str
    if_range: str

    def has(self, digest: str) -> bool:
        """Whether the caller has this file already."""
        return is_current(self.if_none_match, f'"{digest}"')

    def part_of(self, digest: str, size: int) -> range | None:
        """Return which bytes of this file the caller wants; None is all of them.

        Raises:
            UnsatisfiableRangeError: there are no such bytes.
        """
        return wanted_part(self.part, size) if self.if_range.strip() in ("", f'"{digest}"') else None


def file_conditions(if_none_match: IfNoneMatch = "", part: Range = "", if_range: IfRange = "") -> FileConditions:
    """Read a request's headers."""
    return FileConditions(if_none_match, part, if_range)


def unchanged(headers: dict[str, str]) -> Response[bytes]:
    """Answer whoever has the file already."""
    return Response(b"", status_code=HTTP_304_NOT_MODIFIED, headers=headers)


def partial(content: bytes, part: range, size: int, media_type: str, headers: dict[str, str]) -> Response[bytes]:
    """Answer a part of a file of this size."""
    placed = headers | {"Content-Range": f"bytes {part.start}-{part.stop - 1}/{size}"}
    return Response(content, status_code=HTTP_206_PARTIAL_CONTENT, media_type=media_type, headers=placed)
