"""Templates client: the requests for templates, and what their responses hold."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import quote

import httpx2
import msgspec
from msgspec.structs import replace

from aether.cli.client.http_client import HttpClient

_PATH = "/templates"
_JSON, _MARKDOWN = "application/json", "text/markdown"


class TemplateItem(msgspec.Struct, frozen=True, rename="camel"):
    """A template in a list, or one that was stored; `is_new` tells whether that made a new version."""

    name: str
    version: int
    reference: str
    title: str
    source: str = ""
    description: str = ""
    is_new: bool = True


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    templates: tuple[TemplateItem, ...]
    next_cursor: str | None = None


class TemplatesClient(HttpClient):
    """A client for the templates that the caller can use."""

    async def list(self) -> AsyncIterator[TemplateItem]:
        """Yield all templates, in the order of their names."""
        query = "?limit=100"
        while query:
            page = self.decode(await self.send("GET", _PATH + query), _Page)
            for each in page.templates:
                yield each
            query = f"?limit=100&cursor={page.next_cursor}" if page.next_cursor else ""

    async def get(self, reference: str, *, markdown: bool) -> bytes:
        """Return a version as JSON, which also says what version it is, or as Markdown."""
        response = await self.send("GET", _of(reference), headers={"Accept": _MARKDOWN if markdown else _JSON})
        return response.content

    async def put(self, name: str, content: bytes, *, markdown: bool) -> TemplateItem:
        """Store a template."""
        headers = {"Content-Type": _MARKDOWN if markdown else _JSON, "Accept": _JSON}
        return self._stored(await self.send("PUT", _of(name), content=content, headers=headers))

    async def copy(self, report_id: str, name: str) -> TemplateItem:
        """Store the structure of a report as a template."""
        body = msgspec.json.encode({"fromReport": report_id, "name": name})
        return self._stored(await self.send("POST", _PATH, content=body))

    async def delete(self, reference: str) -> None:
        """Delete a version, or a template with all of its versions."""
        await self.send("DELETE", _of(reference))

    def _stored(self, response: httpx2.Response) -> TemplateItem:
        is_new = response.status_code == HTTPStatus.CREATED
        return replace(self.decode(response, TemplateItem), is_new=is_new)


def _of(reference: str) -> str:
    return f"{_PATH}/{quote(reference, safe='@')}"
