"""Template: the structure of a report, with variables, kept under a name in versions that never change."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType
from typing_extensions import override

from aether.domain.derived_section import DerivedKind
from aether.domain.listing import sort_key
from aether.domain.report import MAX_SECTIONS
from aether.domain.report_request import Audience, FreeSections, Instructions, Language, Length, SectionPlan, Tone
from aether.domain.text_field import text

MAX_VARIABLES = 20
MAX_TEMPLATES = 100
"""Names that an owner may have; each may have MAX_VERSIONS."""
MAX_VERSIONS = 50
MAX_BYTES = 65_536
"""Size of a template as it is stored."""

_NAME, _NUMBER = "[a-z0-9-]{1,64}", "[1-9][0-9]{0,8}"
VARIABLE = "[A-Za-z][A-Za-z0-9_]{0,39}"
_END = r"$(?!\n)"
NAME_PATTERN = f"^{_NAME}{_END}"
REFERENCE_PATTERN = f"^{_NAME}(@{_NUMBER})?{_END}"

VariableName = Annotated[str, Meta(pattern=f"^{VARIABLE}{_END}", extra_json_schema={"examples": ["company"]})]
VariableValue = Annotated[str, text("The value of a variable.", 500, examples=["ACME"])]
VariableValues = Annotated[
    dict[VariableName, VariableValue],
    Meta(max_length=MAX_VARIABLES, description="The values of the template's variables, by their names."),
]
_REFERENCE = re.compile(f"(?P<name>{_NAME})(?:@(?P<version>{_NUMBER}))?")


class TemplateReference(NamedTuple):
    """A template's name, and one of its versions; None is the newest one."""

    name: str
    version: int | None = None

    @classmethod
    def parse(cls, reference: str) -> Self | None:
        """Read `market-brief` or `market-brief@3`; None for any other text."""
        found = _REFERENCE.fullmatch(reference)
        return found and cls(found["name"], int(found["version"]) if found["version"] else None)

    @override
    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}@{self.version}"


class SectionKind(StrEnum):
    """How a section of a template comes about: it is written, or derived from the written ones.

    A report has each derived section once, in a field of its name, and without the title in the template.
    """

    WRITTEN = "written"
    SUMMARY = DerivedKind.SUMMARY.value
    CONCLUSION = DerivedKind.CONCLUSION.value
    KEY_POINTS = DerivedKind.KEY_POINTS.value
    GLOSSARY = DerivedKind.GLOSSARY.value


class TemplateVariable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A variable of a template; without a value it has its `default`, or else, if not `required`, an empty one."""

    description: Annotated[str, text("What the variable is for.", 200)] | UnsetType = UNSET
    required: Annotated[bool, Meta(description="Whether a value must be given if there is no `default`.")] = True
    default: VariableValue | UnsetType = UNSET

    @property
    def may_be_empty(self) -> bool:
        """Whether the variable may be left without a value."""
        return not self.required and self.default is UNSET


class TemplateSection(SectionPlan, frozen=True, omit_defaults=True):
    """A section of a template."""

    kind: SectionKind = SectionKind.WRITTEN
    optional: Annotated[
        bool, Meta(description="Whether the section is left out if one of the variables in its texts has no value.")
    ] = False


class TemplateDefaults(msgspec.Struct, frozen=True, omit_defaults=True):
    """What holds for a report unless its request says otherwise."""

    language: Language | UnsetType = UNSET
    tone: Tone | UnsetType = UNSET
    audience: Audience | UnsetType = UNSET
    length: Annotated[Length, Meta(description="The length of each section.")] | UnsetType = UNSET
    instructions: Instructions | UnsetType = UNSET


TemplateTitle = Annotated[str, text("The title of the template, for people.", 300, examples=["Market brief"])]
TemplateDescription = Annotated[str, text("What the template is for.", 1_000, multiline=True)]


class Template(msgspec.Struct, frozen=True, omit_defaults=True):
    """The structure of a report: its sections, and the variables in their texts."""

    title: TemplateTitle
    sections: Annotated[tuple[TemplateSection, ...], Meta(min_length=1, max_length=MAX_SECTIONS)]
    description: TemplateDescription | UnsetType = UNSET
    variables: Annotated[dict[VariableName, TemplateVariable], Meta(max_length=MAX_VARIABLES)] = {}
    defaults: TemplateDefaults = TemplateDefaults()
    free_sections: FreeSections | UnsetType = UNSET


class TemplateSource(StrEnum):
    """Whose template it is: the caller's own, the operator's, or one that comes with Aether."""

    OWNER = "owner"
    OPERATOR = "operator"
    BUILT_IN = "builtIn"


class _NumberedTemplate(msgspec.Struct, frozen=True):
    name: str
    version: int

    @property
    def reference(self) -> str:
        """The name with the version."""
        return str(TemplateReference(self.name, self.version))


class TemplateSummary(_NumberedTemplate, frozen=True):
    """The newest version of a template in a list; the time is None for those that come with the server."""

    title: str
    description: str | UnsetType = UNSET
    source: TemplateSource = TemplateSource.OWNER
    created_at: datetime | None = None

    @property
    def sort_key(self) -> str:
        """The template's place in lists, which are in the order of names."""
        return sort_key(_NO_TIME, self.name)


class TemplateVersion(_NumberedTemplate, frozen=True):
    """One version of a template, and the numbers of all that exist, in order."""

    template: Template
    versions: tuple[int, ...]
    source: TemplateSource = TemplateSource.OWNER
    created_at: datetime | None = None

    @property
    def summary(self) -> TemplateSummary:
        """The version in a list."""
        shown = self.template
        return TemplateSummary(self.name, self.version, shown.title, shown.description, self.source, self.created_at)


class TemplatePage(msgspec.Struct, frozen=True):
    """A page of templates by name; `next` is where the next page starts, None on the last one."""

    templates: tuple[TemplateSummary, ...]
    next: str | None = None


_NO_TIME = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
