"""Report body: what a caller sends to ask for a report, and the request that it becomes."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.job_limits import DeadlineSeconds, MaxTokens
from aether.api.webhooks.schemas import WebhookBody
from aether.domain.derived_section import EntryTarget, WordTarget
from aether.domain.report import MAX_SECTIONS
from aether.domain.report_request import Checks, Length, ReportPlan, ReportRequest, ReportWishes, SectionPlan, Title
from aether.domain.struct_fields import as_struct
from aether.domain.template import REFERENCE_PATTERN, VariableValues
from aether.domain.template_filling import fill
from aether.domain.text_field import trim
from aether.errors import FieldError
from aether.services.templates import Templates, template_for_report


class SectionBody(SectionPlan, frozen=True, forbid_unknown_fields=True):
    """A section of the outline: its title, what it covers, and wishes that hold for it alone."""

    def __post_init__(self) -> None:
        trim(self)


class DerivedText(WordTarget, frozen=True, forbid_unknown_fields=True):
    """How long a derived text is to be."""

    words: Annotated[int, Meta(ge=20, le=1_000, description="About how many words it is to have.")]


class DerivedList(EntryTarget, frozen=True, forbid_unknown_fields=True):
    """How long a derived list is to be."""

    count: Annotated[int, Meta(ge=1, le=50, description="How many entries it is to have; a glossary may have fewer.")]


OutlineBody = Annotated[
    tuple[Title | SectionBody, ...],
    Meta(
        min_length=1,
        max_length=MAX_SECTIONS,
        description="The sections to write, each as its title or as an object. The model then plans none.",
    ),
]
TemplateName = Annotated[
    str,
    Meta(
        description="A template of yours or of the server; without a version, the newest one. Other fields of the "
        "request take precedence over its defaults; `outline` and `sections` must not be given with it.",
        # Not a rule of the type: the check of the other fields needs to know that there is a template.
        extra_json_schema={"pattern": REFERENCE_PATTERN, "examples": ["brief", "market-brief@3"]},
    ),
]


_ChecksField = Annotated[
    Checks,
    Meta(
        description="What is done with the faults that code finds in the sections: nothing (`off`), they are told in "
        "`quality` (`report`), or the worst sections are also written once more (`rewrite`). The default is the "
        "server's."
    ),
]
_Summary = Annotated[DerivedText | bool, Meta(description="A summary, by default of 120 words.")]
_Conclusion = Annotated[DerivedText | bool, Meta(description="A conclusion, by default of 120 words.")]
_KeyPoints = Annotated[DerivedList | bool, Meta(description="The key points, by default 5.")]
_Glossary = Annotated[DerivedList | bool, Meta(description="A glossary, by default of up to 10 terms.")]


class ReportBody(ReportWishes, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The topic of a report; everything else is optional."""

    outline: OutlineBody | UnsetType = UNSET
    length: Annotated[Length, Meta(description="The length of each section. If left out: `standard`.")] | UnsetType = (
        UNSET
    )
    template: TemplateName | UnsetType = UNSET
    variables: VariableValues | UnsetType = UNSET
    checks: _ChecksField | UnsetType = UNSET
    summary: _Summary | UnsetType = UNSET
    conclusion: _Conclusion | UnsetType = UNSET
    key_points: _KeyPoints | UnsetType = UNSET
    glossary: _Glossary | UnsetType = UNSET
    max_tokens: MaxTokens | UnsetType = UNSET
    deadline_seconds: DeadlineSeconds | UnsetType = UNSET
    webhook: WebhookBody | UnsetType = UNSET

    def __post_init__(self) -> None:
        trim(self)
        names, rule = ["outline", "sections"], "must not be given with a template, which has its own sections"
        if self.template is UNSET:
            names, rule = ["variables"], "must not be given without a template"
        if errors := [FieldError(name, rule) for name in names if getattr(self, name) is not UNSET]:
            raise FieldError.of(errors)


async def requested_report(body: ReportBody, templates: Templates, owner: str) -> ReportRequest:
    """Return the request that a body asks for: with its outline, or with the template that it names.

    Raises:
        FieldError: the owner has no such template, or its variables have no values.
    """
    if body.template is UNSET:
        outline = () if body.outline is UNSET else body.outline
        return _request(body, ReportPlan(tuple(map(_section_plan, outline))), {})
    version = await template_for_report(templates, owner, body.template)
    filled = fill(version.template, {} if body.variables is UNSET else body.variables)
    defaults = {name: getattr(filled.defaults, name) for name in filled.defaults.__struct_fields__}
    derived = {_FIELDS[kind]: True for kind in filled.derived}
    return _request(body, filled.plan, defaults | derived | {"template": version.reference})


_FIELDS = dict(zip(ReportBody.__struct_encode_fields__, ReportBody.__struct_fields__, strict=True))
_WISHES = set(ReportBody.__struct_fields__) & set(ReportRequest.__struct_fields__) - {"outline", "template"}


def _request(body: ReportBody, plan: ReportPlan, defaults: dict[str, Any]) -> ReportRequest:  # Any: fields of requests
    wishes = {name: value for name in _WISHES if (value := getattr(body, name)) is not UNSET}
    fields = {name: value for name, value in (defaults | wishes).items() if value is not UNSET}
    if plan.sections and not plan.free:
        fields["outline"] = plan.titles
    if plan.free or plan != ReportPlan(tuple(map(SectionPlan, plan.titles))):
        fields["plan"] = plan
    return ReportRequest(**fields)


def _section_plan(section: str | SectionBody) -> SectionPlan:
    return SectionPlan(section) if isinstance(section, str) else as_struct(SectionPlan, section)
