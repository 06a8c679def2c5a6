"""JSON as it is sent."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.status_codes import HTTP_200_OK
from litestar.types import Receive, Scope, Send
from typing_extensions import override

T = TypeVar("T")


class JsonResponse(Response[T]):
    """A body of JSON, or what is encoded already, with headers that are set once.

    Litestar's own response looks for each header among the others, and decodes all of them for that.
    """

    @override
    def to_asgi_response(  # type: ignore[override]  # of the rest nothing is used here
        self,
        app: None,
        request: Request[Any, Any, Any],
        *,
        headers: Mapping[str, str] | None = None,
        status_code: int | None = None,
        **_: object,
    ) -> ASGIResponse:
        """Encode what is not."""
        content: object = self.content
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        lines = {
            **(headers or {}),
            **self.headers,
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        return _Ready(
            self.status_code or status_code or HTTP_200_OK,
            [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines.items()],
            body,
        )


class _Ready(ASGIResponse):
    def __init__(self, status: int, lines: list[tuple[bytes, bytes]], body: bytes) -> None:
        # Without the overridden one, which does what costs.
        self.status_code = status
        self.body = body
        self._lines = lines

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self._lines})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
