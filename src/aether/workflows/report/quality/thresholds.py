"""Thresholds of all checks, in one table: what each one finds, from which value on, and what happens then."""

from enum import StrEnum

import msgspec


class Action(StrEnum):
    """What happens with what a check finds."""

    STRIP = "strip"
    REWRITE = "rewrite"
    REPORT = "report"


class Rule(msgspec.Struct, frozen=True):
    """One row of the table: what a check finds, in plain words, and its named limits."""

    code: str
    action: Action
    weight: float
    finds: str
    limits: dict[str, float] = {}


_TABLE = (
    Rule("reasoning", Action.STRIP, 1, "A model's thinking: tags such as `<think>`, and what stands between them."),
    Rule("preamble", Action.STRIP, 0.5, "First sentences that announce the text: “Sure! Here is the section:”."),
    Rule("chatter", Action.STRIP, 0.5, "Last sentences that speak to the reader: “Let me know if …”."),
    Rule("link", Action.STRIP, 0.5, "A link whose address is not in the request; its words stay."),
    Rule("image", Action.STRIP, 0.5, "An image."),
    Rule("reference_list", Action.STRIP, 0.5, "A list of references at the end, and the marks that point to it."),
    Rule(
        "heading",
        Action.STRIP,
        0,
        "The section's own heading, or at least `words` words of other sections.",
        {"words": 5},
    ),
    Rule("open_block", Action.STRIP, 0, "A code fence without an end, which is closed, or HTML, which is escaped."),
    Rule(
        "cut_end",
        Action.STRIP,
        0.5,
        "A last sentence without an end, in a paragraph that has at least `words` words before it.",
        {"words": 3},
    ),
    Rule("placeholder", Action.REWRITE, 3, "Words to be filled in, such as `[insert …]`, “XX%” and `{{name}}`."),
    Rule(
        "loop",
        Action.REWRITE,
        4,
        "A sentence of `sentence_words` words that stands there `sentences` times; or `stretch_words` words of which "
        "the share `repeated_5_grams` of all sequences of five occurred before; or `window_bytes` bytes that a "
        "compressor shrinks by more than `compression`; or a list within a sentence that has an entry of at least "
        "`entry_letters` letters `entries` times.",
        {
            "sentences": 3,
            "sentence_words": 6,
            "repeated_5_grams": 0.25,
            "least_words": 40,
            "stretch_words": 100,
            "compression": 3.0,
            "window_bytes": 1_500,
            "entries": 4,
            "entry_letters": 6,
        },
    ),
    Rule("self_reference", Action.REWRITE, 2, "Words about the text instead of its topic: “In this essay, I will …”."),
    Rule("long_sentence", Action.REWRITE, 2, "A sentence of more than `words` words.", {"words": 100}),
    Rule(
        "language",
        Action.REWRITE,
        5,
        "The share `share` of a section, in paragraphs of at least `letters` letters, is in another language than the "
        "one asked for, that of the topic, or that of most sections.",
        {"letters": 150, "share": 0.3, "probability": 0.9},
    ),
    Rule(
        "duplicate",
        Action.REWRITE,
        2,
        "A paragraph of at least `words` words of which the share `rewrite` of all sequences of five stands in an "
        "earlier section, or earlier in the same one; from `report` on, it is only reported.",
        {"words": 30, "rewrite": 0.5, "report": 0.25},
    ),
    Rule(
        "length",
        Action.REWRITE,
        2,
        "Less than the share `rewrite_below` of the words asked for; less than `below` or more than `above` is only "
        "reported.",
        {"rewrite_below": 0.4, "below": 0.6, "above": 1.8},
    ),
    Rule("closing", Action.REPORT, 0.5, "A last paragraph that sums up, without a number, before the last section."),
)
RULES = {rule.code: rule for rule in _TABLE}
"""All rules by their code, in the order of the documentation."""

MAX_TITLE, MAX_TITLE_WORDS = 80, 14
"""Characters and words of a heading, in the outline that a model writes."""
TITLES_ALIKE = 0.75
"""Share of their words that two titles have in common that say the same."""
