"""Markdown form of templates: bodies in Markdown instead of JSON, and responses in the form that a caller prefers."""

from codecs import BOM_UTF8
from collections.abc import Mapping

import msgspec
from litestar import Response
from msgspec import UNSET, UnsetType

from aether.api.http.accept import preferred
from aether.api.http.request import decode
from aether.api.http.request_errors import MalformedBodyError
from aether.api.http.responses import JsonResponse
from aether.api.templates.schemas import TemplateBody, TemplateView, template_view
from aether.domain.template import TemplateVersion
from aether.domain.template_markdown import MarkdownTemplate, parse_markdown, to_markdown
from aether.domain.template_rules import PLACEHOLDER

MARKDOWN = "text/markdown"
MEDIA_TYPES = ("application/json", MARKDOWN)

_encode = msgspec.json.Encoder().encode


def read_markdown(body: bytes) -> TemplateBody:
    """Read a template in Markdown; each variable in its sections is one of the template, and required.

    Raises:
        MalformedBodyError: the body is not UTF-8.
        FieldError: the template breaks rules; its parts have the names that they have in JSON.
    """
    try:
        text = body.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"The body is not Markdown in UTF-8 (byte {error.start}).") from error
    found = parse_markdown(text)
    template: TemplateBody = decode(_encode(_as_json(found)), TemplateBody)  # type: ignore[assignment]  # of this type
    return template


def _as_json(found: MarkdownTemplate) -> dict[str, object]:
    sections: list[dict[str, str | UnsetType]] = [
        {"title": title, "covers": covers, "instructions": instructions}
        for title, covers, instructions in found.sections
    ]
    texts = (text for section in sections for text in section.values() if isinstance(text, str))
    names = dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text))
    return _given({"title": found.title or UNSET, "description": found.description}) | {
        "sections": [*map(_given, sections)],
        "variables": {name: {} for name in names},
    }


def _given(members: Mapping[str, str | UnsetType]) -> dict[str, object]:
    return {name: text for name, text in members.items() if text is not UNSET}


def template_response(found: TemplateVersion, accept: str, status: int) -> Response[TemplateView]:
    """Return the response with a template, in JSON unless the caller prefers Markdown."""
    headers = {"Vary": "Accept"}
    if preferred(accept, MEDIA_TYPES) == MARKDOWN:
        text = to_markdown(found.template)
        return Response(text, status_code=status, media_type=MARKDOWN, headers=headers)  # type: ignore[arg-type]  # the other form
    return JsonResponse(template_view(found), status_code=status, headers=headers)
