"""Fake templates: a store of templates in memory; the contract tests run over it as over the real one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from aether.domain.template import (
    MAX_TEMPLATES,
    MAX_VERSIONS,
    Template,
    TemplateReference,
    TemplateSummary,
    TemplateVersion,
)
from aether.domain.template_rules import encode_template
from aether.durable.clock import SystemClock
from aether.durable.ports import Clock
from aether.errors import StoreUnavailableError, TemplateLimitError, UnknownTemplateError
from aether.services.templates import StoredVersion


@dataclass
class MemoryTemplates:
    """A `TemplateStore`; `templates` has versions by owner, name and number, `last` the highest number ever given."""

    clock: Clock = field(default_factory=SystemClock)
    templates: dict[str, dict[str, dict[int, TemplateVersion]]] = field(default_factory=dict)
    last: dict[tuple[str, str], int] = field(default_factory=dict)
    is_unavailable: bool = False

    async def put(self, owner: str, name: str, template: Template) -> StoredVersion:
        await self._answer()
        own = self.templates.setdefault(owner, {})
        versions = own.get(name, {})
        if versions and encode_template(versions[max(versions)].template) == encode_template(template):
            return StoredVersion(self._shown(owner, name, max(versions)), is_new=False)
        if not versions and len(own) >= MAX_TEMPLATES:
            raise TemplateLimitError(MAX_TEMPLATES, "templates")
        if len(versions) >= MAX_VERSIONS:
            raise TemplateLimitError(MAX_VERSIONS, "versions")
        number = self.last[owner, name] = self.last.get((owner, name), 0) + 1
        now = self.clock.now()
        stored_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        own[name] = versions | {number: TemplateVersion(name, number, template, (), created_at=stored_at)}
        return StoredVersion(self._shown(owner, name, number), is_new=True)

    async def load(self, owner: str, reference: TemplateReference) -> TemplateVersion | None:
        await self._answer()
        versions = self.templates.get(owner, {}).get(reference.name)
        if not versions:
            return None
        number = reference.version or max(versions)
        if number not in versions:
            raise UnknownTemplateError(str(reference))
        return self._shown(owner, reference.name, number)

    async def list(self, owner: str) -> Sequence[TemplateSummary]:
        await self._answer()
        return [versions[max(versions)].summary for versions in self.templates.get(owner, {}).values()]

    async def delete(self, owner: str, reference: TemplateReference) -> bool:
        await self._answer()
        own = self.templates.get(owner, {})
        versions = own.get(reference.name, {})
        if not versions or reference.version not in {None, *versions}:
            return False
        kept = {number: each for number, each in versions.items() if reference.version not in {None, number}}
        own.pop(reference.name)
        if kept:
            own[reference.name] = kept
        return True

    def _shown(self, owner: str, name: str, number: int) -> TemplateVersion:
        versions = self.templates[owner][name]
        return replace(versions[number], versions=tuple(sorted(versions)))

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.is_unavailable:
            raise StoreUnavailableError("away")
