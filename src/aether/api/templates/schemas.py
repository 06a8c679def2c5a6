"""Template schemas: templates on the wire."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import JobId, NextCursor, Timestamp, unset_if_none
from aether.domain import template as domain
from aether.domain.named_literal import named_literal
from aether.domain.report import MAX_SECTIONS
from aether.domain.report_request import FreeSections
from aether.domain.struct_fields import as_struct
from aether.domain.template import (
    MAX_VARIABLES,
    NAME_PATTERN,
    Template,
    TemplateDefaults,
    TemplateSection,
    TemplateSummary,
    TemplateVariable,
    TemplateVersion,
    VariableName,
)
from aether.domain.template_rules import check_template
from aether.domain.text_field import trim

_SourceWord: TypeAlias = Literal["owner", "operator", "builtIn"]
SourceWord: TypeAlias = Annotated[
    _SourceWord,
    named_literal(
        "TemplateSource", "Whose template it is: yours, the operator's, or one that comes with Aether.", _SourceWord
    ),
]
Name = Annotated[
    str,
    Meta(
        pattern=NAME_PATTERN,
        description="The name: 1 to 64 of a-z, 0-9 and hyphens.",
        extra_json_schema={"examples": ["market-brief"]},
    ),
]
Version = Annotated[
    int, Meta(ge=1, description="The number of the version. Its content never changes, and no other gets its number.")
]
CreatedAt = Annotated[
    Timestamp, Meta(description="When the version was stored; absent for templates that come with the server.")
]
Reference = Annotated[str, Meta(description="What a report names to use this version.", examples=["market-brief@3"])]


class VariableBody(TemplateVariable, frozen=True, forbid_unknown_fields=True):
    """A variable; without a value it has its `default`, or else, if it is not `required`, an empty one."""

    def __post_init__(self) -> None:
        trim(self)


class TemplateSectionBody(TemplateSection, frozen=True, forbid_unknown_fields=True):
    """A section of a template; its texts may contain variables."""

    def __post_init__(self) -> None:
        trim(self)


class DefaultsBody(TemplateDefaults, frozen=True, forbid_unknown_fields=True):
    """What holds for a report unless its request says otherwise; the texts may contain variables."""

    def __post_init__(self) -> None:
        trim(self)


class FreeSectionsBody(FreeSections, frozen=True, forbid_unknown_fields=True):
    """Sections that the model adds to those of the template, in one call that is told of them."""


VariablesBody = Annotated[
    dict[VariableName, VariableBody],
    Meta(
        max_length=MAX_VARIABLES,
        description="The variables by name: a letter, then letters, digits and underscores, at most 40 in all. "
        "`{{company}}` in a text of a section or of the defaults is replaced by the value of `company`, once.",
    ),
]


class TemplateBody(Template, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The structure of a report: its sections, and the variables in their texts."""

    sections: Annotated[
        tuple[TemplateSectionBody, ...],
        Meta(min_length=1, max_length=MAX_SECTIONS, description="The sections of the report, in order."),
    ]
    variables: VariablesBody | UnsetType = UNSET  # type: ignore[assignment]  # absent on the wire, and empty in the domain
    defaults: DefaultsBody | UnsetType = UNSET  # type: ignore[assignment]  # as above
    free_sections: FreeSectionsBody | UnsetType = UNSET

    def __post_init__(self) -> None:
        trim(self)
        check_template(template_of(self))


class CopyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A finished report of yours, and the name of the template that gets its structure."""

    from_report: Annotated[JobId, Meta(description="The id of the report; it must have completed.")]
    name: Name


class TemplateView(msgspec.Struct, frozen=True, rename="camel"):
    """A version of a template."""

    name: Name
    version: Version
    reference: Reference
    source: SourceWord
    versions: Annotated[tuple[int, ...], Meta(description="The numbers of all versions that exist, in order.")]
    title: domain.TemplateTitle
    sections: Annotated[tuple[TemplateSectionBody, ...], Meta(description="The sections of the report, in order.")]
    created_at: CreatedAt | UnsetType = UNSET
    description: domain.TemplateDescription | UnsetType = UNSET
    variables: VariablesBody | UnsetType = UNSET
    defaults: DefaultsBody | UnsetType = UNSET
    free_sections: FreeSectionsBody | UnsetType = UNSET


class TemplateLine(msgspec.Struct, frozen=True, rename="camel"):
    """The newest version of a template in a list."""

    name: Name
    version: Version
    reference: Reference
    source: SourceWord
    title: domain.TemplateTitle
    description: domain.TemplateDescription | UnsetType = UNSET
    created_at: CreatedAt | UnsetType = UNSET


class TemplatePage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of the templates that you can use, in the order of their names."""

    templates: Annotated[tuple[TemplateLine, ...], Meta(description="The templates of this page.")]
    next_cursor: NextCursor | UnsetType = UNSET


def template_of(body: TemplateBody) -> Template:
    """Return the template that a body describes."""
    variables = {} if body.variables is UNSET else body.variables
    return Template(
        body.title,
        tuple(as_struct(TemplateSection, section) for section in body.sections),
        body.description,
        {name: as_struct(TemplateVariable, variable) for name, variable in variables.items()},
        TemplateDefaults() if body.defaults is UNSET else as_struct(TemplateDefaults, body.defaults),
        UNSET if body.free_sections is UNSET else as_struct(FreeSections, body.free_sections),
    )


def template_view(found: TemplateVersion) -> TemplateView:
    """Return a version of a template as the wire shows it."""
    shown = found.template
    # What another version has stored may break the rules of a body, so the parts are not made into bodies.
    parts: dict[str, Any] = {  # Any: as above
        "sections": shown.sections,
        "variables": shown.variables or UNSET,
        "defaults": shown.defaults if shown.defaults != type(shown.defaults)() else UNSET,
        "free_sections": shown.free_sections,
    }
    return TemplateView(
        name=found.name,
        version=found.version,
        reference=found.reference,
        source=found.source.value,
        versions=found.versions,
        title=shown.title,
        description=shown.description,
        created_at=unset_if_none(found.created_at),
        **parts,
    )


def template_page(page: domain.TemplatePage) -> TemplatePage:
    """Return a page of templates as the wire shows it."""
    return TemplatePage(tuple(map(_line, page.templates)), unset_if_none(page.next))


def _line(found: TemplateSummary) -> TemplateLine:
    return TemplateLine(
        found.name,
        found.version,
        found.reference,
        found.source.value,
        found.title,
        found.description,
        unset_if_none(found.created_at),
    )
