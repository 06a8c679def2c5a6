"""Checks of all sections of a report, once they are written: what is wrong with which, and what must be rewritten."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import UNSET

from aether.domain.finding import Finding
from aether.domain.plain_text import shorten
from aether.domain.report_request import SectionPlan
from aether.workflows.report.quality.closing import find_closing
from aether.workflows.report.quality.findings import found
from aether.workflows.report.quality.language import Languages, detect_languages, expected_language, find_foreign
from aether.workflows.report.quality.language_names import name_of
from aether.workflows.report.quality.placeholders import find_placeholder
from aether.workflows.report.quality.repetition import find_duplicates, find_loop
from aether.workflows.report.quality.sentences import find_long_sentence
from aether.workflows.report.quality.talk import find_self_reference
from aether.workflows.report.quality.thresholds import RULES
from aether.workflows.report.quality.words import count_words, least_words

_LENGTH = RULES["length"].limits
_DUPLICATE = RULES["duplicate"].limits
_MAX_READ = 50_000  # characters of a section; no fault has to be found that begins behind them
_MAX_QUOTE = 120
_MAX_PARAGRAPH = 240  # characters of a paragraph to leave out
_MAX_DUPLICATES = 3  # of one section that are named


class Assignment(msgspec.Struct, frozen=True):
    """What the sections were to be.

    Attributes:
        topic: the report's topic, as the caller wrote it.
        titles: the sections' titles.
        words: how many words each section was to have.
        language: the language that the caller asked for, in the caller's words; None: that of the topic.
        instructions: what else the caller wrote.
        plans: what the caller wrote of each section alone; None where the model has planned it.
    """

    topic: str
    titles: Sequence[str]
    words: Sequence[int]
    language: str | None = None
    instructions: str = ""
    plans: Sequence[SectionPlan | None] = ()

    def own_words(self, at: int) -> str:
        """Return what the caller wrote that holds for this section."""
        plan = self._plan(at)
        own = (plan.covers, plan.instructions) if plan else ()
        return " ".join((self.topic, self.instructions, self.titles[at], *(text for text in own if text is not UNSET)))

    def has_own_instructions(self, at: int) -> bool:
        """Whether this section has instructions of its own, which may ask for any language."""
        plan = self._plan(at)
        return plan is not None and plan.instructions is not UNSET

    def _plan(self, at: int) -> SectionPlan | None:
        return self.plans[at] if self.plans else None


def check_sections(
    sections: Sequence[str | None], assignment: Assignment, languages: Languages | None = None
) -> tuple[Finding, ...]:
    """Check the sections of a report, of which some may be missing (None); a fault names the section to rewrite.

    The work is linear in the texts, but long: call it with `work_on_text`. The faults are in the order of the sections.

    Args:
        sections: the texts, cleaned by `clean_section`.
        assignment: what they were to be.
        languages: what `detect_languages` told of the sections, if it was asked before.
    """
    sections = [text and text[:_MAX_READ] for text in sections]
    languages = languages or detect_languages(sections)
    faults = [
        *_duplicates(sections, assignment),
        *_foreign(sections, assignment, languages),
        *(fault for at, text in enumerate(sections) if text for fault in _faults_of(at, text, assignment)),
    ]
    return tuple(sorted(faults, key=lambda fault: (fault.section or 0, _ORDER[fault.code])))


def _faults_of(at: int, text: str, assignment: Assignment) -> Iterator[Finding]:
    if placeholder := find_placeholder(text, assignment.own_words(at)):
        yield found("placeholder", at, f"It holds “{shorten(placeholder, _MAX_QUOTE)}” in place of the facts.")
    if loop := find_loop(text):
        detail = f"It repeats itself: “{shorten(loop.passage, _MAX_QUOTE)}”."
        yield found("loop", at, detail, (loop.value, loop.limit))
    if words := find_self_reference(text):
        yield found("self_reference", at, f"It speaks about itself instead of its topic: “{words} …”.")
    if long := find_long_sentence(text):
        detail = f"A sentence has {long[1]} words: “{shorten(long[0], _MAX_QUOTE)}”."
        yield found("long_sentence", at, detail, (long[1], RULES["long_sentence"].limits["words"]))
    yield from _length(at, text, assignment.words[at])
    closing = find_closing(text) if at < len(assignment.titles) - 1 else None
    if closing:
        yield found("closing", at, f"It ends by summing up: “{closing} …”.")


def _length(at: int, text: str, asked: int) -> Iterator[Finding]:
    words = count_words(text)
    share, least_share = words / max(1, asked), least_words(text) / max(1, asked)
    detail = f"It has {words} words, and about {asked} were asked for."
    if share < _LENGTH["rewrite_below"]:
        yield found("length", at, detail, (share, _LENGTH["rewrite_below"]))
    elif share < _LENGTH["below"]:
        yield found("length", at, detail, (share, _LENGTH["below"]), needs_rewrite=False)
    elif least_share > _LENGTH["above"]:
        yield found("length", at, detail, (least_share, _LENGTH["above"]), needs_rewrite=False)


def _foreign(sections: Sequence[str | None], assignment: Assignment, languages: Languages) -> Iterator[Finding]:
    expected = expected_language(assignment.topic, assignment.language, assignment.instructions, languages)
    for at, (text, code) in enumerate(zip(sections, languages.sections, strict=True)):
        if not text or not expected or assignment.has_own_instructions(at):
            continue
        if foreign := find_foreign(text, code, expected):
            which = "It" if foreign.share == 1 else "A part of it"
            detail = f"{which} is written in {name_of(foreign.code)}, not in {name_of(foreign.expected)}."
            yield found("language", at, detail, (foreign.share, RULES["language"].limits["share"]))


def _duplicates(sections: Sequence[str | None], assignment: Assignment) -> Iterator[Finding]:
    named: Counter[int] = Counter()
    for duplicate in find_duplicates(sections):
        at, earlier = duplicate.section, duplicate.earlier
        named[at] += 1
        if named[at] > _MAX_DUPLICATES:
            continue
        where = "twice" if at == earlier else f"in the section “{shorten(assignment.titles[earlier], 80)}”, too"
        paragraph = shorten(duplicate.paragraph, _MAX_PARAGRAPH)
        is_copy = duplicate.share >= _DUPLICATE["rewrite"]
        limit = _DUPLICATE["rewrite" if is_copy else "report"]
        detail = f"This stands {where}; leave it out: “{paragraph}”"
        yield found("duplicate", at, detail, (duplicate.share, limit), needs_rewrite=is_copy)


_ORDER = {code: at for at, code in enumerate(RULES)}
