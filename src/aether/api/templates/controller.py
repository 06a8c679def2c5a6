"""Templates controller: `/templates`, the structures of reports that an owner can use."""

from typing import Annotated

from litestar import Response, Router
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from aether.api.http.accept import MEDIA_TYPES
from aether.api.http.pagination import Cursor, Limit
from aether.api.http.problems import AnyRequest
from aether.api.http.public_url import prefix_of
from aether.api.http.request import BODY_READERS
from aether.api.http.route_handler import delete, get, post, put
from aether.api.openapi.operations import BODY_ERRORS, problems
from aether.api.templates import markdown_form
from aether.api.templates.markdown_form import MARKDOWN, read_markdown, template_response
from aether.api.templates.schemas import (
    CopyBody,
    TemplateBody,
    TemplatePage,
    TemplateView,
    template_of,
    template_page,
)
from aether.domain.job import Kind, Status
from aether.domain.template import NAME_PATTERN, REFERENCE_PATTERN, TemplateReference
from aether.errors import (
    FieldError,
    ReadOnlyTemplateError,
    TemplateLimitError,
    UnknownJobError,
    UnknownTemplateError,
)
from aether.services.jobs import Jobs
from aether.services.templates import StoredVersion, Templates
from aether.workflows.report.structure import template_of_report

_PATH = "/templates"
_NameInPath = Annotated[
    str,
    PathParameter(
        name="name",
        description="The name of the template: 1 to 64 of a-z, 0-9 and hyphens.",
        schema_extra={"pattern": NAME_PATTERN, "examples": ["market-brief"]},
    ),
]
_ReferenceInPath = Annotated[
    str,
    PathParameter(
        name="name",
        description="The name of the template, with `@` and the number of a version, or without it.",
        schema_extra={"pattern": REFERENCE_PATTERN, "examples": ["market-brief@3"]},
    ),
]
_LOCATION = ResponseHeader(name="Location", description="The path of the version.", documentation_only=True)
_SAME = {
    HTTP_200_OK: ResponseSpec(
        TemplateView, generate_examples=False, description="The newest version, which has this content already."
    )
}
_EITHER_FORM = {MEDIA_TYPES: markdown_form.MEDIA_TYPES}


@get(
    summary="List the templates that you can use",
    response_description="A page of templates, each with its newest version.",
    responses=problems(FieldError),
)
async def list_templates(
    templates: NamedDependency[Templates], owner: NamedDependency[str], limit: Limit = 20, cursor: Cursor = None
) -> TemplatePage:
    """They are in the order of their names: yours, and those of the server whose names you have not taken."""
    return template_page(await templates.list(owner, limit, cursor))


@post(
    status_code=HTTP_201_CREATED,
    summary="Make a template from a report",
    response_description="The new version.",
    response_headers=[_LOCATION],
    responses=problems(*BODY_ERRORS, TemplateLimitError) | _SAME,
)
async def copy_template(
    data: JSONBody[CopyBody],
    request: AnyRequest,
    jobs: NamedDependency[Jobs],
    templates: NamedDependency[Templates],
    owner: NamedDependency[str],
) -> Response[TemplateView]:
    """It has the sections of the report, without their texts, and the wishes of its request as defaults."""
    try:
        job = await jobs.get(Kind.REPORT, owner, data.from_report)
    except UnknownJobError as error:
        raise FieldError("fromReport", "must be the id of a report of yours") from error
    if job.status is not Status.COMPLETED:
        raise FieldError("fromReport", "must be the id of a report that has completed")
    stored = await templates.put(owner, data.name, template_of_report(job))
    return _stored_response(request, stored, "")


@put(
    "/{name:str}",
    status_code=HTTP_201_CREATED,
    summary="Store a template",
    response_description="The new version.",
    response_headers=[_LOCATION],
    responses=problems(*BODY_ERRORS, TemplateLimitError) | _SAME,
    opt={BODY_READERS: {MARKDOWN: read_markdown}} | _EITHER_FORM,
)
async def set_template(
    name: _NameInPath,
    data: JSONBody[TemplateBody],
    request: AnyRequest,
    templates: NamedDependency[Templates],
    owner: NamedDependency[str],
) -> Response[TemplateView]:
    """This adds a version, unless the newest one has the same content. Versions never change.

    A template of yours takes precedence over one of the server with its name. You can have 100 templates, each with 50
    versions. The body may also be Markdown, `text/markdown`: the title as a heading, and each section as a heading of
    the second level, with a first paragraph that says what the section covers and further ones as its instructions.
    """
    if TemplateReference.parse(name) != TemplateReference(name):
        raise FieldError("name", "must be 1 to 64 of a-z, 0-9 and hyphens")
    return _stored_response(request, await templates.put(owner, name, template_of(data)), _accept(request))


@get(
    "/{name:str}",
    summary="See a template",
    response_description="The version; by default the newest.",
    responses=problems(UnknownTemplateError),
    opt=_EITHER_FORM,
)
async def get_template(
    name: _ReferenceInPath, request: AnyRequest, templates: NamedDependency[Templates], owner: NamedDependency[str]
) -> Response[TemplateView]:
    """As JSON or, if `Accept` prefers `text/markdown`, as Markdown, which has the titles and texts only."""
    return template_response(await templates.get(owner, _reference(name)), _accept(request), HTTP_200_OK)


@delete(
    "/{name:str}",
    summary="Forget a template",
    response_description="The version, or without `@` the template with all of its versions, is deleted.",
    responses=problems(UnknownTemplateError, ReadOnlyTemplateError, has_body=False),
)
async def delete_template(
    name: _ReferenceInPath, templates: NamedDependency[Templates], owner: NamedDependency[str]
) -> None:
    """Reports that were asked for with it do not change, and can still be retried."""
    await templates.delete(owner, _reference(name))


def _accept(request: AnyRequest) -> str:
    return request.headers.get("Accept", "")


def _reference(name: str) -> TemplateReference:
    reference = TemplateReference.parse(name)
    if reference is None:
        raise UnknownTemplateError(name)
    return reference


def _stored_response(request: AnyRequest, stored: StoredVersion, accept: str) -> Response[TemplateView]:
    status = HTTP_201_CREATED if stored.is_new else HTTP_200_OK
    response = template_response(stored.version, accept, status)
    response.headers["Location"] = f"{prefix_of(request)}{_PATH}/{stored.version.reference}"
    return response


templates_router = Router(
    _PATH,
    route_handlers=[list_templates, copy_template, set_template, get_template, delete_template],
    tags=["Templates"],
)
