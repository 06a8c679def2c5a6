"""Template use cases: an owner's templates and those that come with the server, and the store of the former."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from aether.domain.template import (
    MAX_BYTES,
    Template,
    TemplatePage,
    TemplateReference,
    TemplateSummary,
    TemplateVersion,
)
from aether.domain.template_rules import encode_template
from aether.errors import FieldError, ReadOnlyTemplateError, UnknownTemplateError
from aether.services.pagination import read_page

ServerTemplates = Mapping[str, Sequence[TemplateVersion]]
"""The templates that come with the server: the versions of each name, in order, of which there is one at least."""


class StoredVersion(NamedTuple):
    """A version of a template, and whether it was created now."""

    version: TemplateVersion
    is_new: bool


class TemplateStore(Protocol):
    """Stores owners' templates until they are deleted.

    Each version has a number, which no other gets, also for a year after the template was deleted. All methods raise
    StoreUnavailableError while the store cannot be reached.
    """

    async def put(self, owner: str, name: str, template: Template) -> StoredVersion:
        """Store the template as the next version of this name, unless it equals the newest version.

        Raises:
            TemplateLimitError: the owner has MAX_TEMPLATES others, or the template has MAX_VERSIONS.
        """
        ...

    async def load(self, owner: str, reference: TemplateReference) -> TemplateVersion | None:
        """Return the version; None if the owner has no template of this name.

        Raises:
            UnknownTemplateError: the owner's template of this name has no such version.
        """
        ...

    async def list(self, owner: str) -> Sequence[TemplateSummary]:
        """Return the newest version of each of the owner's templates, in any order."""
        ...

    async def delete(self, owner: str, reference: TemplateReference) -> bool:
        """Delete the version, or the whole template if the reference has none; return whether there was one.

        A template ends with its last version.
        """
        ...


class Templates:
    """The templates that an owner can use: the owner's, and those of the server whose names the owner has not taken."""

    def __init__(self, store: TemplateStore, of_server: ServerTemplates) -> None:
        self._store = store
        self._of_server = of_server

    async def put(self, owner: str, name: str, template: Template) -> StoredVersion:
        """Store a template as `TemplateStore.put` does; for this owner, it replaces one of the server.

        Raises:
            FieldError: it is too large.
        """
        if len(encode_template(template)) > MAX_BYTES:
            raise FieldError("$", f"must be at most {MAX_BYTES:,} bytes as JSON")
        return await self._store.put(owner, name, template)

    async def get(self, owner: str, reference: TemplateReference) -> TemplateVersion:
        """Return a version of a template, by default the newest.

        Raises:
            UnknownTemplateError: there is none that this owner can use.
        """
        found = await self._store.load(owner, reference)
        if found is None:
            versions = self._of_server.get(reference.name, ())
            found = next((each for each in reversed(versions) if reference.version in (None, each.version)), None)
        if found is None:
            raise UnknownTemplateError(str(reference))
        return found

    async def list(self, owner: str, limit: int, cursor: str | None = None) -> TemplatePage:
        """Return a page of the newest versions, in the order of their names; `cursor` is that of the page before.

        Raises:
            FieldError: `limit` is out of bounds, or `cursor` is not from a page.
        """
        return await read_page(lambda after: self._page(owner, limit, after), limit, cursor)

    async def delete(self, owner: str, reference: TemplateReference) -> None:
        """Delete a version of the owner's template, or all of it; then the server's of that name is used again.

        Raises:
            ReadOnlyTemplateError: the template comes with the server.
            UnknownTemplateError: there is none that this owner can use.
        """
        if await self._store.delete(owner, reference):
            return
        if reference.name in self._of_server:
            raise ReadOnlyTemplateError(reference.name)
        raise UnknownTemplateError(str(reference))

    async def _page(self, owner: str, limit: int, after: str | None) -> TemplatePage:
        found = {name: versions[-1].summary for name, versions in self._of_server.items()}
        found |= {summary.name: summary for summary in await self._store.list(owner)}
        rest = sorted(
            (each for each in found.values() if each.sort_key > (after or "")), key=lambda each: each.sort_key
        )
        return TemplatePage(tuple(rest[:limit]), rest[limit - 1].sort_key if len(rest) > limit else None)


async def template_for_report(templates: Templates, owner: str, reference: str) -> TemplateVersion:
    """Return the template that the request for a report names.

    Raises:
        FieldError: there is none that this owner can use.
    """
    parsed = TemplateReference.parse(reference)
    try:
        if parsed is not None:
            return await templates.get(owner, parsed)
    except UnknownTemplateError:
        pass
    raise FieldError("template", "must name a template of yours or of the server, such as brief or brief@1")
