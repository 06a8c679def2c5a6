"""Plain prompts: ask a small model one short question at a time.

Instructions, tags, the outline and the neighbours of a section drown a model of some hundred million parameters: it
repeats them, or writes about them. It can complete what it has often read: a list of titles, an entry of an
encyclopedia. So the caller's words are not fenced here.
"""

from msgspec import UNSET
from msgspec.structs import replace

from aether.domain.report import Outline
from aether.domain.report_request import Length, ReportRequest
from aether.workflows.llm.ports import Form, Message, Sampling
from aether.workflows.report.prompts.style import Call

_DEFAULT_COUNT = 5
_MAX_WORDS = 9  # of a title
_MAX_TOKENS = {Length.BRIEF: 160, Length.STANDARD: 300, Length.DETAILED: 600}
_TOKENS_PER_TITLE = 40  # where there is no grammar to end the list

_SECTION = Sampling(temperature=0.2, top_p=0.9, min_p=0.05, repeat_penalty=1.1, repeat_last_n=256)
_OUTLINE = replace(
    _SECTION, dry_multiplier=1.0, dry_allowed_length=3, dry_penalty_last_n=256, dry_sequence_breakers=("\n",)
)
_NEW_TRY_TEMPERATURE = 0.4
"""The temperature of a new try; with the same one, the same fault comes back more often."""

# No colon and no parenthesis: with them, every title becomes "X: A Legacy of …" or "… (2019)". A limit in characters
# would cut words.
_GRAMMAR = """root ::= {lines}
title ::= word (" " word){{0,{more}}}
word ::= [A-Za-z0-9&'\\u00C0-\\u024F] [A-Za-z0-9&'\\u00C0-\\u024F-]* ","?
"""


class PlainPrompts:
    """The `PromptStyle` for small models; a caller's wishes are sentences, and only there if there is one.

    With `english_only`, no language is asked of a model that knows no other.
    """

    continues = False

    def __init__(self, *, english_only: bool = False) -> None:
        self._english_only = english_only

    def outline(self, request: ReportRequest) -> list[Message]:
        """Ask for a numbered list of titles."""
        count, known = _count(request), ", ".join(request.planned.titles) if request.planned else ""
        more, besides = (" more", f" besides {known}") if known else ("", "")
        titles = f"title of 1{more} section" if count == 1 else f"titles of {count}{more} sections"
        task = f"Write the {titles} for a report about {request.topic}{besides}, as a numbered list."
        return [Message("user", task + self._language(request))]

    def outline_form(self, request: ReportRequest) -> Form:
        """Describe the answer to `outline`: numbered lines."""
        count = _count(request)
        lines = ' "\\n" '.join(f'"{number}. " title' for number in range(1, count + 1))
        return Form("outline", grammar=_GRAMMAR.format(lines=lines, more=_MAX_WORDS - 1))

    def section(self, request: ReportRequest, plan: Outline, position: int) -> list[Message]:
        """Ask for an entry of an encyclopedia."""
        title = plan.items[position].title
        task = f"Write a short encyclopedia entry about {request.topic}. Topic of the entry: {title}."
        return [Message("user", task + self._wishes(request) + self._language(request))]

    def rewrite(self, request: ReportRequest, plan: Outline, position: int, text: str, faults: str) -> list[Message]:  # noqa: ARG002 - of the port
        """Ask for the same again: a text with faults, or a list of them, only invites more of them."""
        return self.section(request, plan, position)

    def sampling(self, call: Call, request: ReportRequest) -> Sampling | None:
        """Return how the answer is sampled."""
        if call == "outline":
            return replace(_OUTLINE, max_tokens=_TOKENS_PER_TITLE * _count(request))
        temperature = _NEW_TRY_TEMPERATURE if call == "rewrite" else _SECTION.temperature
        return replace(_SECTION, temperature=temperature, max_tokens=_MAX_TOKENS[request.length])

    def _language(self, request: ReportRequest) -> str:
        return "" if self._english_only or request.language is UNSET else f" Write in {request.language}."

    def _wishes(self, request: ReportRequest) -> str:
        tone = "" if request.tone is UNSET else f" Its tone is {request.tone}."
        audience = "" if request.audience is UNSET else f" Its readers are {request.audience}."
        return tone + audience + ("" if request.instructions is UNSET else f" {request.instructions}")


def _count(request: ReportRequest) -> int:
    if request.planned and request.planned.free:
        return max(request.planned.free.min, min(request.planned.free.max, _DEFAULT_COUNT))
    return _DEFAULT_COUNT if request.sections is UNSET else request.sections
