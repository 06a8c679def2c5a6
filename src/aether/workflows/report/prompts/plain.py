"""Plain prompts: ask a small model one short question at a time.

Instructions, tags, the outline and the neighbours of a section drown a model of some hundred million parameters: it
repeats them, or writes about them. It can complete what it has often read: a list of titles, an entry of an
encyclopedia. So the caller's words are not fenced here.
"""

import re

from msgspec import UNSET
from msgspec.structs import replace

from aether.domain.report import Outline, OutlineItem
from aether.domain.report_request import Length, ReportRequest
from aether.workflows.llm.ports import Form, Message, Sampling
from aether.workflows.report.prompts.repetition import without_repetition
from aether.workflows.report.prompts.style import Call
from aether.workflows.report.prompts.title_choice import choose_titles

_DEFAULT_COUNT = 5
_FEWEST = 4
"""Titles that are enough, if no number is asked for and the others have a fault."""
_SPARE = 7
"""Titles that are asked for beyond those that are needed: some repeat the topic or each other."""
_MAX_TOKENS = {Length.BRIEF: 160, Length.STANDARD: 300, Length.DETAILED: 600}
_TOKENS_PER_TITLE = 40  # where no grammar ends the list

# The penalties on repetition also apply to the full stop, so without a bias sentences do not end.
_PERIOD = ((".", 1.3),)
# Words with which a model speaks of its text, or of a book with that title, instead of its topic.
_TALK = (
    *((word, -6.0) for word in (" essay", " article", " encyclopedia", " entry", " document", "Here", "'m", "'ll")),
    *(
        (word, -4.0)
        for word in (" fictional", " novel", " narrative", " film", " movie", " guide", " story", " section")
    ),
    (" report", -2.0),
)
_PLAIN = Sampling(temperature=0.2, top_p=0.9, min_p=0.05, frequency_penalty=0.0, repeat_penalty=1.1, repeat_last_n=256)
_OUTLINE = replace(
    _PLAIN, dry_multiplier=1.0, dry_allowed_length=1, dry_penalty_last_n=256, dry_sequence_breakers=("\n",)
)
# Paragraphs of whole sentences: no markup, no lists, and no colon, which stands behind "Title" and "Here is". A new
# paragraph gives the model something new to say, and without a least number it often ends after the first one.
_PROSE = r"""root ::= paragraph ("\n\n" paragraph){{{least},{most}}}
paragraph ::= sentence (" " sentence){{2,5}}
sentence ::= ["(]? letter text [.?] [")]?
text ::= (inside | [.?] behind)+
inside ::= [^<>|#\[\]{{}}*_@\\`~:!?.\n]
behind ::= [^<>|#\[\]{{}}*_@\\`~:!?.\n ")]
letter ::= [A-Za-z0-9\u00C0-\U0010FFFF]
"""
_MORE_PARAGRAPHS = {Length.BRIEF: (0, 1), Length.STANDARD: (2, 3), Length.DETAILED: (4, 7)}
_SECTION = replace(
    _PLAIN,
    dry_multiplier=1.0,
    dry_allowed_length=4,  # shorter phrases may be names
    dry_penalty_last_n=512,
    dry_sequence_breakers=("\n",),
)
_NEW_TRY_TEMPERATURE = 0.4
"""The temperature of a new try; with the same one, the same fault comes back more often."""

_DIGIT = re.compile(r"\d")
# No colon and no parenthesis: with them, every title becomes "X: A Legacy of …" or "… (2019)", and with digits "X in
# 2022". A limit in characters would cut words, and one that is reached glues them together.
_TITLES = r"""root ::= {lines}
title ::= word (" " word){{0,13}}
word ::= letter (letter | [{more}'-])* ","? | "&"
letter ::= [{letters}]
"""
_LETTERS, _ALL_LETTERS = "A-Za-z", r"A-Za-z\u00C0-\U0010FFFF"


class PlainPrompts:
    """The `PromptStyle` for small models; a caller's wishes are sentences, and only there if there is one.

    With `english_only`, no language is asked of a model that knows no other.
    """

    continues = False

    def __init__(self, *, english_only: bool = False) -> None:
        self.english_only = english_only

    def outline(self, request: ReportRequest) -> list[Message]:
        """Ask for a numbered list of titles."""
        lines, known = _count(request) + _SPARE, ", ".join(request.planned.titles) if request.planned else ""
        more, besides = (" more", f" besides {known}") if known else ("", "")
        titles = f"titles of {lines}{more} sections"
        task = f"Write the {titles} for a report about {request.topic}{besides}, as a numbered list."
        return [Message("user", task + self._language(request))]

    def outline_form(self, request: ReportRequest) -> Form:  # noqa: ARG002 - of the port
        """Describe the answer to `outline`: numbered lines."""
        return Form("outline", is_json=False)

    def choose(self, found: Outline, request: ReportRequest) -> Outline:
        """Use the best titles of the list."""
        titles, count = [item.title for item in found.items], _count(request)
        return Outline(tuple(map(OutlineItem, choose_titles(titles, request.topic, count, _least(request)))))

    def section(self, request: ReportRequest, plan: Outline, position: int) -> list[Message]:
        """Ask for an entry of an encyclopedia."""
        title = plan.items[position].title
        task = f"Write a short encyclopedia entry about {request.topic}. Topic of the entry: {title}."
        return [Message("user", task + self._wishes(request) + self._language(request))]

    def finish(self, text: str) -> str:
        """Leave out sentences that repeat others."""
        return without_repetition(text)

    def rewrite(self, request: ReportRequest, plan: Outline, position: int, text: str, faults: str) -> list[Message]:  # noqa: ARG002 - of the port
        """Ask for the same again: a text with faults, or a list of them, only invites more of them."""
        return self.section(request, plan, position)

    def sampling(self, call: Call, request: ReportRequest) -> Sampling | None:
        """Return how the answer is sampled."""
        if call == "outline":
            count = _count(request) + _SPARE
            return replace(_OUTLINE, max_tokens=_TOKENS_PER_TITLE * count, grammar=self._titles(request, count))
        temperature = _NEW_TRY_TEMPERATURE if call == "rewrite" else _SECTION.temperature
        least, most = _MORE_PARAGRAPHS[request.length]
        return replace(
            _SECTION,
            temperature=temperature,
            max_tokens=_MAX_TOKENS[request.length],
            logit_bias=(
                *_PERIOD,
                *((word, bias) for word, bias in _TALK if word.strip() not in request.topic.casefold()),
            ),
            grammar=_PROSE.format(least=least, most=most),
        )

    def _titles(self, request: ReportRequest, count: int) -> str:
        lines = ' "\\n" '.join(f'"{number}. " title' for number in range(1, count + 1))
        more = "0-9" if _DIGIT.search(request.topic) else ""
        return _TITLES.format(lines=lines, more=more, letters=_LETTERS if self.english_only else _ALL_LETTERS)

    def _language(self, request: ReportRequest) -> str:
        return "" if self.english_only or request.language is UNSET else f" Write in {request.language}."

    def _wishes(self, request: ReportRequest) -> str:
        tone = "" if request.tone is UNSET else f" Its tone is {request.tone}."
        audience = "" if request.audience is UNSET else f" Its readers are {request.audience}."
        return tone + audience + ("" if request.instructions is UNSET else f" {request.instructions}")


def _least(request: ReportRequest) -> int:
    """Return how many titles are used, even if some have faults."""
    if request.planned and request.planned.free:
        return request.planned.free.min
    return _FEWEST if request.sections is UNSET else _count(request)


def _count(request: ReportRequest) -> int:
    if request.planned and request.planned.free:
        return max(request.planned.free.min, min(request.planned.free.max, _DEFAULT_COUNT))
    return _DEFAULT_COUNT if request.sections is UNSET else request.sections
