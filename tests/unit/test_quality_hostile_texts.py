"""No text keeps the checks busy: they read a bounded part of it, in one pass."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aether.workflows.report.quality.cleaning import clean_section
from aether.workflows.report.quality.findings import MAX_DETAIL
from aether.workflows.report.quality.language import detect_languages
from aether.workflows.report.quality.sections import Assignment, check_sections

TITLES = ("Origins", "Fall")
SIZE = 512_000
HUGE = ["* x\n", "a", "a ", "\n", "洗手。", "[", "![a](", "<think>", "*_", ". ", "- - - a\n", "`", "x\u0301", "Sure! "]
PIECES = [
    *("<think>", "</think>", "Sure!", "Here is the section:", "\n\n", "\n", " ", "# ", "- ", "| a |", "```", "`", "> "),
    *(
        "[a](b)",
        "![a](b)",
        "<https://a.b>",
        "[1]: http://a",
        "## References",
        "[insert x]",
        "**Origins:**",
        "word",
        "洗",
    ),
    *("Let me know", "In conclusion", "。", ". ", "é", "\u0301", "1. ", "XX%", "<<a>>", "\ud800"),
]


@pytest.mark.parametrize("unit", HUGE)
def test_a_huge_text_is_checked(unit: str) -> None:
    text = (unit * (SIZE // len(unit) + 1))[:SIZE]

    faults = check_sections([text, text], Assignment("Rome", TITLES, (250, 250)), detect_languages([text, None]))

    assert all(len(fault.detail) <= MAX_DETAIL for fault in faults)


@pytest.mark.parametrize("unit", ["a", "a ", "洗手。", "![a](", "<think>", "Sure! ", "I hope this helps. "])
def test_a_huge_text_is_cleaned(unit: str) -> None:
    cleaned = clean_section((unit * (SIZE // len(unit) + 1))[:SIZE], titles=TITLES, position=0)

    assert len(cleaned.text) <= 101_000
    assert all(len(fault.detail) <= MAX_DETAIL for fault in cleaned.findings)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join))
def test_any_text_is_cleaned_and_checked(text: str) -> None:
    cleaned = clean_section(text, titles=TITLES, position=0, topic="Rome")
    again = clean_section(cleaned.text, titles=TITLES, position=0, topic="Rome")

    faults = check_sections([cleaned.text, None], Assignment("Rome", TITLES, (250, 250)))

    assert len(cleaned.text) <= len(text) + 50 + 5 * text.count("<")
    assert len(again.text) <= len(cleaned.text) + 50
    assert {fault.section for fault in faults} <= {0}
