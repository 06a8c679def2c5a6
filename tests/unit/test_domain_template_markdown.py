import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from aether.domain.template import Template, TemplateSection
from aether.domain.template_markdown import MarkdownSection, parse_markdown, section_plan, to_markdown

TEXT = """# Market brief ##

For a first look.

## About {{company}}

What it sells.
To whom.


Name numbers.

### Not a section

```
## Neither
```

##\tOutlook
"""


def test_headings_of_two_levels_are_the_title_and_the_sections() -> None:
    found = parse_markdown(TEXT)

    assert (found.title, found.description) == ("Market brief", "For a first look.")
    assert found.sections == (
        MarkdownSection(
            "About {{company}}",
            "What it sells.\nTo whom.",
            "Name numbers.\n\n### Not a section\n\n```\n## Neither\n```",
        ),
        MarkdownSection("Outlook", UNSET, UNSET),
    )


@pytest.mark.parametrize(
    ("text", "title", "sections"),
    [
        ("", "", []),
        ("Only text", "", []),
        ("## A\r\n## B\r\n", "", ["A", "B"]),
        ("  ## A #\n#No heading\n####### Nor this", "", ["A"]),
        ("# T\n## C#\n## a#b #", "T", ["C#", "a#b"]),
        ("~~~\n## A\n```\n~~~~\n## B", "", ["B"]),
        ("```\n## Never closed", "", []),
        ("##\n## ##", "", ["", ""]),
    ],
)
def test_other_lines_are_text(text: str, title: str, sections: list[str]) -> None:
    found = parse_markdown(text)

    assert (found.title, [section.title for section in found.sections]) == (title, sections)


def test_a_first_paragraph_that_is_too_long_is_an_instruction() -> None:
    long = " ".join(["word"] * 120)
    (section,) = parse_markdown(f"## A\n{long}\n\nMore.").sections

    assert (section.covers, section.instructions) == (UNSET, f"{long}\n\nMore.")


words = st.lists(st.sampled_from(["word", "{{a}}", "- b", "1. c", "#x"]), min_size=1, max_size=4).map(" ".join)


@given(st.lists(st.tuples(words, words | st.just(UNSET), words | st.just(UNSET)), min_size=1, max_size=4))
def test_what_is_written_is_read_as_it_was(sections: list[tuple[str, str | UnsetType, str | UnsetType]]) -> None:
    """But for instructions without a paragraph before them, which are then what the section covers."""
    template = Template("T", tuple(TemplateSection(*each) for each in sections), description="For you.")

    found = parse_markdown(to_markdown(template))

    assert (found.title, found.description) == ("T", "For you.")
    for section, (title, covers, instructions) in zip(found.sections, sections, strict=True):
        both = [each for each in (covers, instructions) if each is not UNSET]
        expected = (title, *both, *[UNSET] * (2 - len(both)))
        assert (section_plan(section).title, section.covers, section.instructions) == expected
