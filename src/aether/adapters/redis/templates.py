"""Templates on Redis: a hash for each template, and one for each owner with the names of their templates.

`template.lua` describes the hashes. Each method is one script, so that numbers and limits also hold for calls at once.
"""

from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.keys import script
from aether.adapters.redis.record_serializer import parse_time
from aether.domain.stored_request import stored_request_decoder
from aether.domain.template import (
    MAX_TEMPLATES,
    MAX_VERSIONS,
    Template,
    TemplateReference,
    TemplateSummary,
    TemplateVersion,
)
from aether.domain.template_rules import encode_template
from aether.errors import TemplateLimitError, UnknownTemplateError
from aether.leased_queue.scripts import Argument
from aether.services.templates import StoredVersion

_PUT = script("put_template", "template")
_LOAD = script("load_template", "template")
_LIST = script("list_templates", "template")
_DELETE = script("delete_template", "template")

_decode_template = stored_request_decoder(Template).decode


class _Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """What lists show of a version."""

    title: str
    description: str | msgspec.UnsetType = msgspec.UNSET


_decode_head = msgspec.json.Decoder(_Head).decode
_encode_head = msgspec.json.Encoder().encode


class RedisTemplates:
    """The `TemplateStore` for production; `client` must not decode responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def put(self, owner: str, name: str, template: Template) -> StoredVersion:
        """Add the fields of the next version."""
        head = _encode_head(_Head(template.title, template.description))
        with translate_redis_errors():
            answer = await _PUT.run(self._client, [owner, name, encode_template(template), head])
        if answer == [b"templates"]:
            raise TemplateLimitError(MAX_TEMPLATES, "templates")
        if answer == [b"versions"]:
            raise TemplateLimitError(MAX_VERSIONS, "versions")
        is_new, stored_at, *numbers = answer
        version = TemplateVersion(
            name, int(numbers[-1]), template, tuple(map(int, numbers)), created_at=parse_time(stored_at)
        )
        return StoredVersion(version, bool(is_new))

    async def load(self, owner: str, reference: TemplateReference) -> TemplateVersion | None:
        """Read the fields of the version."""
        with translate_redis_errors():
            answer = await _LOAD.run(self._client, _arguments(owner, reference))
        if answer is None:
            return None
        if not answer:
            raise UnknownTemplateError(str(reference))
        content, stored_at, number, *numbers = answer
        return TemplateVersion(
            reference.name,
            int(number),
            _decode_template(content),
            tuple(map(int, numbers)),
            created_at=parse_time(stored_at),
        )

    async def list(self, owner: str) -> Sequence[TemplateSummary]:
        """Read the heads of the newest versions."""
        with translate_redis_errors():
            return [_summary(*each) for each in await _LIST.run(self._client, [owner])]

    async def delete(self, owner: str, reference: TemplateReference) -> bool:
        """Delete the fields of the version, or the hash."""
        with translate_redis_errors():
            return bool(await _DELETE.run(self._client, _arguments(owner, reference)))


def _arguments(owner: str, reference: TemplateReference) -> list[Argument]:
    return [owner, reference.name, reference.version or ""]


def _summary(name: bytes, number: bytes, stored_at: bytes, head: bytes) -> TemplateSummary:
    shown = _decode_head(head)
    return TemplateSummary(name.decode(), int(number), shown.title, shown.description, created_at=parse_time(stored_at))
