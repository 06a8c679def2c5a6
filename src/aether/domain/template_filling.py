"""Template filling: replaces the variables of a template by their values, literally and once."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from aether.domain.plain_text import is_blank
from aether.domain.report_request import FreeSections, ReportPlan, SectionPlan
from aether.domain.template import SectionKind, Template, TemplateDefaults, TemplateSection
from aether.domain.template_rules import PLACEHOLDER, texts_in, variables_in
from aether.domain.text_field import trim
from aether.errors import FieldError

StructT = TypeVar("StructT", bound=msgspec.Struct)

_NEEDED = "title"
"""The text that every section has."""


class FilledTemplate(msgspec.Struct, frozen=True):
    """A template without variables: the sections of a report, the defaults of its request, and what it derives."""

    plan: ReportPlan
    defaults: TemplateDefaults
    derived: tuple[SectionKind, ...] = ()


def fill(template: Template, given: Mapping[str, str]) -> FilledTemplate:
    """Replace the variables by the given values, or by their defaults.

    A value is text, whatever it contains, and so are braces around a name that is no variable. A section that is
    optional is left out if one of its variables has no value.

    Raises:
        FieldError: variables that are unknown or missing, or whose value makes a text too long; `variables.company`.
    """
    if errors := [*_errors(template, given)]:
        raise FieldError.of(errors)
    values = {name: given.get(name, variable.default or "") for name, variable in template.variables.items()}
    empty = {name for name, value in values.items() if not value}
    kept = [_is_kept(section, empty) for section in template.sections]
    sections = tuple(
        _filled(SectionPlan, section, values, f"sections[{at}]")
        for at, section in enumerate(template.sections)
        if kept[at]
    )
    defaults = _filled(TemplateDefaults, template.defaults, values, "defaults")
    derived = tuple(section.kind for section in template.sections if section.kind != SectionKind.WRITTEN)
    return FilledTemplate(ReportPlan(sections, _free(template, kept)), defaults, derived)


def _is_kept(section: TemplateSection, empty: set[str]) -> bool:
    """Whether the section is one of those that are written."""
    return section.kind == SectionKind.WRITTEN and not (section.optional and variables_in(section) & empty)


def _errors(template: Template, given: Mapping[str, str]) -> Iterator[FieldError]:
    for section in template.sections:
        if section.kind not in set(SectionKind):  # stored by a newer version
            yield FieldError("template", f"has a section of the kind {section.kind}, which this server does not know")
    known = ", ".join(sorted(template.variables)) or "none"
    for name in given:
        if name not in template.variables:
            yield FieldError(f"variables.{name}", f"is no variable of this template, which has: {known}")
    for name, variable in template.variables.items():
        if name not in given and variable.default is UNSET and variable.required:
            yield FieldError(f"variables.{name}", "is required by the template")


def _free(template: Template, kept: list[bool]) -> FreeSections | None:
    free = template.free_sections
    return replace(free, after=sum(kept[: free.after])) if free else None


def _filled(
    struct: type[StructT], part: SectionPlan | TemplateDefaults, values: Mapping[str, str], path: str
) -> StructT:
    """Return the part with its texts filled, as this Struct; an optional text that shows nothing then is left out."""
    fields = {name: getattr(part, name) for name in struct.__struct_fields__}
    for name, content in texts_in(part).items():
        if PLACEHOLDER.search(content):
            fields[name] = PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), content)
            if is_blank(fields[name]) and name != _NEEDED:
                fields[name] = UNSET
    filled = struct(**fields)
    try:
        trim(filled)
    except FieldError as error:
        used = [name for name in PLACEHOLDER.findall(getattr(part, error.field)) if name in values]
        field = f"variables.{max(used, key=lambda name: len(values[name]))}" if used else "template"
        raise FieldError(field, f"leads to a {path}.{error.field} that breaks a rule: it {error.rule}") from error
    return filled
