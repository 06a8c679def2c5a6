"""Template rules: what a template must keep beyond the limits of its fields."""

import re
from collections.abc import Iterator

import msgspec

from aether.domain.report import MAX_SECTIONS
from aether.domain.report_request import SectionPlan
from aether.domain.template import VARIABLE, SectionKind, Template, TemplateDefaults, TemplateSection
from aether.domain.text_field import text_names
from aether.errors import FieldError

PLACEHOLDER = re.compile(rf"\{{\{{({VARIABLE})\}}\}}", re.ASCII)
_BRACED = re.compile(r"\{\{([^{}]{0,100})\}\}")
_MAX_SHOWN = 20
_OF_WRITTEN = ("covers", "instructions", "length", "optional")

encode_template = msgspec.json.Encoder(order="deterministic").encode
"""Encodes templates: equal ones become equal bytes."""


def check_template(template: Template) -> None:
    """Check a template as a whole.

    Raises:
        FieldError: the rules that it breaks, with the fields' names on the wire; `$` is the whole template.
    """
    if errors := [*_variable_errors(template), *_kind_errors(template), *_free_errors(template)]:
        raise FieldError.of(errors[:_MAX_SHOWN])


def texts_in(part: SectionPlan | TemplateDefaults) -> dict[str, str]:
    """Return the texts of a part in which variables are replaced, by the names of their fields."""
    # By its base: a part that was read from a store has a class without the declarations.
    kind = SectionPlan if isinstance(part, SectionPlan) else TemplateDefaults
    return {name: content for name in text_names(kind) if isinstance(content := getattr(part, name), str)}


def variables_in(part: SectionPlan | TemplateDefaults) -> set[str]:
    """Return the names of the variables in the texts of a part."""
    return {name for content in texts_in(part).values() for name in PLACEHOLDER.findall(content)}


def _variable_errors(template: Template) -> Iterator[FieldError]:
    parts: dict[str, SectionPlan | TemplateDefaults] = {"defaults": template.defaults}
    parts |= {f"sections[{at}]": section for at, section in enumerate(template.sections)}
    for path, part in parts.items():
        for field, content in texts_in(part).items():
            for name in dict.fromkeys(_BRACED.findall(content)):
                if not PLACEHOLDER.fullmatch(f"{{{{{name}}}}}"):
                    rule = f"has {{{{{name}}}}}, which is no variable; write the name alone, as in {{{{company}}}}"
                    yield FieldError(f"{path}.{field}", rule)
                elif name not in template.variables:
                    yield FieldError(f"{path}.{field}", f"uses the variable {name}, which `variables` does not have")


def _kind_errors(template: Template) -> Iterator[FieldError]:
    derived = set()
    for at, section in enumerate(template.sections):
        if section.kind != SectionKind.WRITTEN:
            given = (name for name in _OF_WRITTEN if getattr(section, name))
            yield from (FieldError(f"sections[{at}].{name}", "is only for a section that is written") for name in given)
            if section.kind in derived:
                yield FieldError(f"sections[{at}].kind", "must not stand there twice, unless it is written")
            derived.add(section.kind)
        elif section.optional and not _may_be_left_out(template, section):
            rule = "is only for a section with a variable in its texts that is not required and has no default"
            yield FieldError(f"sections[{at}].optional", rule)
    if all(section.optional or section.kind != SectionKind.WRITTEN for section in template.sections):
        yield FieldError("sections", "must have at least one section that is written and not optional")


def _may_be_left_out(template: Template, section: TemplateSection) -> bool:
    return any(name in template.variables and template.variables[name].may_be_empty for name in variables_in(section))


def _free_errors(template: Template) -> Iterator[FieldError]:
    free, planned = template.free_sections, sum(each.kind == SectionKind.WRITTEN for each in template.sections)
    if not free:
        return
    if free.max < free.min:
        yield FieldError("freeSections.max", "must be at least `min`")
    if free.after > len(template.sections):
        yield FieldError("freeSections.after", f"must be at most {len(template.sections)}, the number of sections")
    if planned + free.max > MAX_SECTIONS:
        yield FieldError(
            "freeSections.max",
            f"must be at most {MAX_SECTIONS - planned}, as a report has {MAX_SECTIONS} sections at most",
        )
