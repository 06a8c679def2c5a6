"""Exports: what a job has written as a file, whole, in part, or not at all (RFC 9110, 13 and 14)."""

from http import HTTPStatus
from typing import Annotated, ClassVar, Literal

import msgspec
from litestar import Response
from litestar.datastructures import ResponseHeader
from litestar.params import QueryParameter

from aether.api.http.content_disposition import content_disposition
from aether.api.http.file_response import FileConditions, not_modified, partial_content
from aether.api.http.problems import ProblemType
from aether.documents.formats import Format
from aether.documents.manuscript import Manuscript
from aether.documents.rendering import Renderer, digest_of
from aether.errors import CallerError

Partial = Annotated[
    bool,
    QueryParameter(
        description="Export what there is, also of a job that is not complete; the document says so on its first page."
    ),
]
EXPORT_HEADERS = [
    ResponseHeader(name="ETag", description="Identifies the content of the file.", documentation_only=True),
    ResponseHeader(name="Accept-Ranges", description="`bytes`.", documentation_only=True),
    ResponseHeader(name="Content-Disposition", description="The name of the file.", documentation_only=True),
]
# A page may use its own style sheet, and nothing else.
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox allow-popups"


class NotCompletedError(CallerError):
    """The job has not completed; `is_live` tells that it may."""

    problem_type: ClassVar = ProblemType("not-completed", HTTPStatus.CONFLICT, "The job has not completed")

    def __init__(self, *, is_live: bool) -> None:
        advice = "Wait for it, or ask" if is_live else "Ask"
        super().__init__(f"The job has not completed. {advice} for what there is with ?partial=true.")


class Export(msgspec.Struct, frozen=True):
    """A manuscript in a format; `form` tells a browser to save it or to show it."""

    manuscript: Manuscript
    format: Format
    form: Literal["attachment", "inline"] = "attachment"

    async def respond(self, renderer: Renderer, conditions: FileConditions) -> Response[bytes]:
        """Return the file, the part of it that is wanted, or that the caller has it already."""
        digest = digest_of(self.manuscript, self.format.name)
        headers = self._headers(digest)
        if conditions.is_cached(digest):
            return not_modified(headers)
        content = await renderer.render(self.manuscript, self.format.name)
        if byte_range := conditions.range_of(digest, len(content)):
            part = content[byte_range.start : byte_range.stop]
            return partial_content(part, byte_range, len(content), self.format.media_type, headers)
        return Response(content, media_type=self.format.media_type, headers=headers)

    def _headers(self, digest: str) -> dict[str, str]:
        policy = {"Content-Security-Policy": _PAGE_POLICY} if self.format.name == "html" else {}
        return policy | {
            "ETag": f'"{digest}"',
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": content_disposition(self.form, self.manuscript.title, self.format.endings[0]),
            "Vary": "Accept",
        }
