"""Talk around a section: sentences with which a model announces its text, or speaks to the reader behind it."""
# ruff: noqa: RUF001 - the marks of other languages look like Latin ones

import re

from aether.workflows.report.quality.blocks import prose_of
from aether.workflows.report.quality.talk_phrases import (
    ABOUT_TEXT,
    ABOUT_WORK,
    AGREEMENT,
    CLOSING,
    INVITATION,
    MACHINE,
    PROMISE,
    SELF_REFERENCE,
    SHOWING,
)

_MAX_SENTENCE = 400
_MAX_SENTENCES = 6  # that are removed at either end
_SENTENCE = re.compile(rf".{{1,{_MAX_SENTENCE}}}?(?:[.!?]+[\"”’*_)]*(?=\s|$)|[。！？：!?]|:[*_]*(?=\s*$)|$)\s*")
_MARKUP = "#>*_ \t"
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,})\s*")
_COLONS = (":", "：")
_MARKUP_AND_BREAKS = f"{_MARKUP}\n-"
_SENTENCE_END = re.compile(r"[.!?][\"'”’)*_]*\s+|[。！？]|\n+")
_MAX_SHOWING = 120  # characters of a sentence without a colon at its end


def split_preamble(text: str) -> tuple[str, str]:
    """Separate the sentences at the beginning that announce the text from the text."""
    begin = at = len(text) - len(text.lstrip())
    for _ in range(_MAX_SENTENCES):
        end = text.find("\n", at)
        line = text[at : at + _MAX_SENTENCE + 1 if end < 0 else min(end, at + _MAX_SENTENCE + 1)]
        sentence = _SENTENCE.match(line)
        if sentence is None or not (length := _announced(sentence[0], line, has_begun=at > begin)):
            break
        at += length
        at += len(text[at:]) - len(text[at:].lstrip()) if at < len(text) else 0
    return text[:at].strip(), _without_leading_rule(text[at:]) if at else text


def split_chatter(text: str) -> tuple[str, str]:
    """Separate the sentences at the end that speak to the reader about the text from the text, which comes first."""
    text = text.rstrip()
    end = len(text)
    for _ in range(_MAX_SENTENCES):
        kept = text[max(0, end - 2 * _MAX_SENTENCE) : end]
        last = _last_sentence(kept)
        if last is None or not CLOSING.match(kept[last:].lstrip(_MARKUP)):
            break
        end -= len(kept) - len(_without_last_rule(kept[:last]))
    return (text[:end], text[end:].strip()) if end < len(text) else (text, "")


def find_self_reference(text: str) -> str | None:
    """Return the first words of a paragraph that are about the text instead of its topic."""
    found = next(SELF_REFERENCE.finditer(prose_of(text)), None)
    return found[0] if found else None


def _announced(sentence: str, line: str, *, has_begun: bool) -> int:
    """Return how many characters at the beginning of a line announce the text; `has_begun` if something did before."""
    plain = sentence.lstrip(_MARKUP)
    agreement = AGREEMENT.match(plain)
    rest = plain[agreement.end() :] if agreement else plain
    agrees = agreement is not None and (not rest or rest.rstrip(_MARKUP_AND_BREAKS).endswith(_COLONS))
    invites = INVITATION.match(rest) is not None and (has_begun or agreement is not None)
    if _is_announcement(rest) or agrees or invites:
        return len(sentence)
    if agreement and agreement["mark"][0] in "!！":
        return len(line) - len(line.lstrip(_MARKUP)) + agreement.end()
    return 0


def _is_announcement(sentence: str) -> bool:
    if MACHINE.match(sentence):
        return True
    if SHOWING.match(sentence):
        is_short = len(sentence) <= _MAX_SHOWING or sentence.rstrip(_MARKUP_AND_BREAKS).endswith(_COLONS)
        return is_short and ABOUT_TEXT.search(sentence) is not None
    return PROMISE.match(sentence) is not None and ABOUT_WORK.search(sentence) is not None


def _last_sentence(text: str) -> int | None:
    """Return where the last sentence begins; None if it is too long."""
    ends = [end.end() for end in _SENTENCE_END.finditer(text, max(0, len(text) - _MAX_SENTENCE))]
    begins = [end for end in ends if text[end:].strip(_MARKUP_AND_BREAKS)]
    if begins:
        return begins[-1]
    return 0 if len(text) <= _MAX_SENTENCE else None


def _without_last_rule(text: str) -> str:
    before, _, rule = text.rstrip().rpartition("\n")
    return before.rstrip() if _RULE.fullmatch(rule) else text.rstrip()


def _without_leading_rule(text: str) -> str:
    rule, _, rest = text.partition("\n")
    return rest.lstrip() if _RULE.fullmatch(rule) else text
