import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from aether.domain.report_request import FreeSections, Length, SectionPlan
from aether.domain.stored_request import stored_request_decoder
from aether.domain.template import (
    SectionKind,
    Template,
    TemplateDefaults,
    TemplateReference,
    TemplateSection,
    TemplateVariable,
)
from aether.domain.template_filling import fill
from aether.domain.template_rules import check_template, encode_template
from aether.errors import FieldError

MARKET = Template(
    "Market brief",
    (
        TemplateSection("{{company}} and Its Products", "What {{company}} sells, {{year}}.", "Be fair.", Length.BRIEF),
        TemplateSection("{{company}} against {{rival}}", optional=True),
        TemplateSection("Outlook"),
    ),
    variables={
        "company": TemplateVariable(),
        "year": TemplateVariable(default="2026"),
        "rival": TemplateVariable(required=False),
    },
    defaults=TemplateDefaults(tone="dry", instructions="Write for {{company}}."),
)


def errors(error: FieldError) -> dict[str, str]:
    return {each.field: each.rule for each in error.errors}


def test_variables_are_replaced_by_values_and_defaults() -> None:
    filled = fill(MARKET, {"company": "ACME", "rival": "Globex"})

    assert filled.plan.sections == (
        SectionPlan("ACME and Its Products", "What ACME sells, 2026.", "Be fair.", Length.BRIEF),
        SectionPlan("ACME against Globex"),
        SectionPlan("Outlook"),
    )
    assert filled.defaults == TemplateDefaults(tone="dry", instructions="Write for ACME.")


def test_an_optional_section_is_left_out_if_one_of_its_variables_has_no_value() -> None:
    filled = fill(MARKET, {"company": "ACME"})

    assert filled.plan.titles == ("ACME and Its Products", "Outlook")


@pytest.mark.parametrize(("after", "moved"), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)])
def test_derived_sections_are_told_apart_from_written_ones(after: int, moved: int) -> None:
    kinds = (SectionKind.SUMMARY, SectionKind.WRITTEN, SectionKind.KEY_POINTS, SectionKind.WRITTEN)
    sections = tuple(TemplateSection(title, kind=kind) for title, kind in zip("ABCD", kinds, strict=True))

    filled = fill(Template("T", sections, free_sections=FreeSections(1, 2, after)), {})

    assert (filled.plan.titles, filled.derived) == (("B", "D"), (SectionKind.SUMMARY, SectionKind.KEY_POINTS))
    assert filled.plan.free == FreeSections(1, 2, moved)


def test_a_kind_of_a_newer_version_is_an_error_of_the_template() -> None:
    newer = {"title": "T", "sections": [{"title": "A"}, {"title": "B", "kind": "comparison"}]}

    with pytest.raises(FieldError) as caught:
        fill(stored_request_decoder(Template).decode(msgspec.json.encode(newer)), {})

    assert errors(caught.value) == {"template": "has a section of the kind comparison, which this server does not know"}


@pytest.mark.parametrize(("after", "moved"), [(0, 0), (1, 1), (2, 1), (3, 2)])
def test_free_sections_keep_their_place_when_a_section_is_left_out(after: int, moved: int) -> None:
    template = replace(MARKET, free_sections=FreeSections(1, 2, after))

    assert fill(template, {"company": "ACME"}).plan.free == FreeSections(1, 2, moved)


@pytest.mark.parametrize("value", ["{{year}}", "{{company}}", r"\1 \g<0>", "{% if x %}", "{0} %s", "</topic>"])
def test_a_value_is_text_whatever_it_contains(value: str) -> None:
    filled = fill(MARKET, {"company": value})

    assert filled.plan.sections[0].title == f"{value} and Its Products"
    assert filled.plan.sections[0].covers == f"What {value} sells, 2026."


@given(
    st.lists(st.sampled_from(["{{a}}", "{{b}}", "{{", "}}", "{", "a", " x", "{{a }}"]), max_size=8), st.text("ab{} ")
)
def test_the_text_between_variables_stays_as_it_is(parts: list[str], value: str) -> None:
    text, given_value = "T" + "".join(parts) + "T", f"V{value}V"
    template = Template("T", (TemplateSection(text),), variables={"a": TemplateVariable(), "b": TemplateVariable()})

    (section,) = fill(template, {"a": given_value, "b": "B"}).plan.sections

    assert section.title == re.sub(r"\{\{(a|b)\}\}", lambda found: given_value if found[1] == "a" else "B", text)


def test_every_missing_and_unknown_variable_is_named() -> None:
    with pytest.raises(FieldError) as caught:
        fill(MARKET, {"compny": "ACME", "year": "2027"})

    assert errors(caught.value) == {
        "variables.compny": "is no variable of this template, which has: company, rival, year",
        "variables.company": "is required by the template",
    }


@pytest.mark.parametrize(
    ("value", "place"), [("A" * 200, "sections[0].title"), ("\u200b", "sections[0].title")], ids=["long", "blank"]
)
def test_a_value_that_breaks_a_rule_of_a_text_is_named_with_the_text(value: str, place: str) -> None:
    title = "{{company}}" if len(value) == 1 else "{{company}} and Its Products"
    template = replace(MARKET, sections=(replace(MARKET.sections[0], title=title),))

    with pytest.raises(FieldError) as caught:
        fill(template, {"company": value})

    assert caught.value.field == "variables.company"
    assert f"a {place} that breaks a rule" in caught.value.rule


def test_a_text_that_only_an_empty_variable_has_left_blank_is_left_out() -> None:
    template = Template(
        "Post-mortem",
        (TemplateSection("What Happened", covers="{{facts}}"),),
        variables={"facts": TemplateVariable(required=False)},
        defaults=TemplateDefaults(instructions=" {{facts}} "),
    )

    filled = fill(template, {})

    assert (filled.plan.sections, filled.defaults) == ((SectionPlan("What Happened"),), TemplateDefaults())


def test_a_stored_template_is_filled_like_a_new_one() -> None:
    """Its parts have classes of their own, without the declarations of the texts."""
    stored = stored_request_decoder(Template).decode(encode_template(MARKET))

    assert fill(stored, {"company": "ACME"}) == fill(MARKET, {"company": "ACME"})
    check_template(stored)


def test_a_stored_text_that_is_longer_than_this_version_allows_is_the_templates_error() -> None:
    newer = {"title": "T", "sections": [{"title": "A" * 500}]}

    with pytest.raises(FieldError) as caught:
        fill(stored_request_decoder(Template).decode(msgspec.json.encode(newer)), {})

    assert caught.value.field == "template"


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"variables": {}}, "defaults.instructions", "uses the variable company, which `variables` does not have"),
        (
            {"sections": (TemplateSection("A {{ company }} B"),)},
            "sections[0].title",
            "has {{ company }}, which is no variable; write the name alone, as in {{company}}",
        ),
        (
            {"sections": (TemplateSection("A", instructions="{{company|upper}}"),)},
            "sections[0].instructions",
            "has {{company|upper}}, which is no variable; write the name alone, as in {{company}}",
        ),
        (
            {"sections": (TemplateSection("A"), TemplateSection("{{company}}", optional=True))},
            "sections[1].optional",
            "is only for a section with a variable in its texts that is not required and has no default",
        ),
        (
            {"sections": (TemplateSection("On {{rival}}", optional=True),)},
            "sections",
            "must have at least one section that is written and not optional",
        ),
        (
            {"sections": (TemplateSection("A"), TemplateSection("B", covers="C", kind=SectionKind.SUMMARY))},
            "sections[1].covers",
            "is only for a section that is written",
        ),
        (
            {"sections": (TemplateSection("A"), *[TemplateSection("B", kind=SectionKind.GLOSSARY)] * 2)},
            "sections[2].kind",
            "must not stand there twice, unless it is written",
        ),
        (
            {"sections": (TemplateSection("A", kind=SectionKind.SUMMARY),)},
            "sections",
            "must have at least one section that is written and not optional",
        ),
        ({"free_sections": FreeSections(3, 2, 0)}, "freeSections.max", "must be at least `min`"),
        ({"free_sections": FreeSections(1, 2, 4)}, "freeSections.after", "must be at most 3, the number of sections"),
        (
            {"free_sections": FreeSections(1, 18, 0)},
            "freeSections.max",
            "must be at most 17, as a report has 20 sections at most",
        ),
    ],
)
def test_a_template_that_breaks_a_rule_as_a_whole_is_rejected(change: dict[str, object], field: str, rule: str) -> None:
    with pytest.raises(FieldError) as caught:
        check_template(replace(MARKET, **change))

    assert errors(caught.value)[field] == rule


def test_a_good_template_passes() -> None:
    check_template(replace(MARKET, free_sections=FreeSections(1, 17, 3)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("market-brief", TemplateReference("market-brief")),
        ("a@12", TemplateReference("a", 12)),
        *((text, None) for text in ("", "a@", "a@0", "a@01", "a@b", "A", "a b", "a\n", "é", "a@1@2", "a" * 65, "a/b")),
    ],
)
def test_a_reference_is_a_name_with_or_without_a_version(text: str, expected: TemplateReference | None) -> None:
    assert TemplateReference.parse(text) == expected
    assert expected is None or str(expected) == text


def test_equal_templates_are_stored_as_equal_bytes() -> None:
    reordered = replace(MARKET, variables=dict(reversed(MARKET.variables.items())), description=UNSET)

    assert encode_template(reordered) == encode_template(MARKET)
