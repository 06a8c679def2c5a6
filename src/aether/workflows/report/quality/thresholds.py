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
    Rule("reasoning", Action.STRIP, 1, "Tags of a model's thinking, such as `<think>`, with what is inside."),
    Rule("preamble", Action.STRIP, 0.5, "A first paragraph that announces the text."),
    Rule("chatter", Action.STRIP, 0.5, "A last paragraph that talks to the reader about the text."),
    Rule("link", Action.STRIP, 0.5, "A link whose address is not in the request; its words stay."),
    Rule("image", Action.STRIP, 0.5, "An image."),
    Rule("reference_list", Action.STRIP, 0.5, "A list of references at the end."),
    Rule("heading", Action.STRIP, 0, "The section's own heading, or `words` words of other sections.", {"words": 5}),
    Rule("open_block", Action.STRIP, 0, "A code fence or an HTML block without an end."),
    Rule("cut_end", Action.STRIP, 0.5, "A last sentence without an end, behind `words` words.", {"words": 3}),
    Rule("placeholder", Action.REWRITE, 3, "Words that stand for what is to be filled in."),
    Rule(
        "loop",
        Action.REWRITE,
        4,
        "A passage that repeats itself.",
        {
            "sentences": 3,
            "sentence_words": 6,
            "repeated_5_grams": 0.25,
            "least_words": 60,
            "stretch_words": 300,
            "compression": 3.0,
            "window_bytes": 1_500,
        },
    ),
    Rule("long_sentence", Action.REWRITE, 2, "A sentence of more than `words` words.", {"words": 100}),
    Rule(
        "language",
        Action.REWRITE,
        5,
        "Another language than the one asked for, or than that of most sections.",
        {"probability": 0.9, "letters": 150, "share": 0.3},
    ),
    Rule(
        "duplicate",
        Action.REWRITE,
        2,
        "A paragraph that an earlier section has, too.",
        {"words": 30, "rewrite": 0.5, "report": 0.25},
    ),
    Rule(
        "length",
        Action.REWRITE,
        2,
        "Far fewer or far more words than asked for.",
        {"rewrite_below": 0.4, "below": 0.6, "above": 1.8},
    ),
    Rule("closing", Action.REPORT, 0.5, "A summing up that is not in the last section."),
)
RULES = {rule.code: rule for rule in _TABLE}
"""All rules by their code, in the order of the documentation."""

MAX_TITLE, MAX_TITLE_WORDS = 80, 14
"""Characters and words of a heading, in the outline that a model writes."""
TITLES_ALIKE = 0.75
"""Share of their words that two titles have in common that say the same."""
