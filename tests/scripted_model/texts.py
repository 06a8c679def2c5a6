"""What the model says when no rule says otherwise: the same words for the same request, in every run."""

import hashlib
import re
from functools import lru_cache

import msgspec

from tests.scripted_model.classify import Step

_TITLES = (
    "Background and key terms",
    "How it came about",
    "The people and bodies involved",
    "How it works in practice",
    "Costs and resources",
    "Benefits that can be measured",
    "Risks and how they are limited",
    "Rules and standards",
    "Lessons from the field",
    "Open questions",
    "Comparison with alternatives",
    "What to do next",
)
_SENTENCES = (
    "The first accounts describe a modest practice that grew as its results became known.",
    "Most of the work is ordinary: measure, compare, write down what was seen, and repeat.",
    "Where resources are short, the simplest form of the method has proved the most durable.",
    "Two trials reached different conclusions, and the difference lies in what each chose to count.",
    "Those who depend on it every day tend to judge it by its failures rather than its average.",
    "A careful reading of the figures shows a steady change and no single turning point.",
    "The cost falls early while the benefit arrives late, which explains much of the hesitation.",
    "None of this is settled, and the next few years should bring better evidence.",
    "In practice the rules are applied with judgement, and good records make that judgement visible.",
    "Small groups adopted it first because they could change their habits without asking anyone.",
    "What looks like a technical limit is often a matter of training and of time.",
    "Similar problems were met elsewhere, and the answers found there carry over with few changes.",
    "The strongest objection concerns those who had no part in the decision.",
)


class _Section(msgspec.Struct):
    title: str
    covers: str


class _Outline(msgspec.Struct):
    sections: list[_Section]


class _Item(msgspec.Struct):
    quote: str
    text: str


class _Checklist(msgspec.Struct):
    items: list[_Item]


def section_title(index: int) -> str:
    """Return the title the outline gives to section `index` (from 1); no two indexes share one."""
    title = _TITLES[(index - 1) % len(_TITLES)]
    lap = (index - 1) // len(_TITLES)
    return f"{title}, part {lap + 1}" if lap else title


@lru_cache(maxsize=65_536)
def section_marker(topic: str, index: int) -> str:
    """Return the word that stands in this section's text and in no other section of any report.

    It is made of letters, digits and hyphens, so that it survives Markdown, HTML and every export format.
    """
    return f"ref-{hashlib.blake2b(topic.encode(), digest_size=5).hexdigest()}-{index}"


@lru_cache(maxsize=1_024)
def expected_outline(count: int) -> str:
    """Return the outline's JSON text for `count` sections."""
    indexes = range(1, count + 1)
    sections = [_Section(section_title(i), f"What a reader needs to know about part {i}.") for i in indexes]
    return msgspec.json.encode(_Outline(sections)).decode()


@lru_cache(maxsize=16_384)
def expected_section(topic: str, index: int, words: int = 120) -> str:
    """Return the two paragraphs written for section `index` of this topic, `words` words or a few more."""
    opening = f"This part is kept under {section_marker(topic, index)} in the notes."
    first = _paragraph(index * 5, words // 2, opening)
    return f"{first}\n\n{_paragraph(index * 5 + 7, words - len(first.split()))}"


def expected_checklist(guideline: str, *, formed: bool = True) -> str:
    """Return the checklist of a guideline, one item for each sentence, as JSON or else as a list in Markdown."""
    items = [_Item(sentence, f"See to this: {sentence}") for sentence in _sentences(guideline)]
    if formed:
        return msgspec.json.encode(_Checklist(items)).decode()
    return "\n".join(["Here is the checklist:", "", *(f"- [ ] {item.text}" for item in items)])


def expected_text(step: Step, sections: int, words: int, *, formed: bool = True) -> str:
    """Return the whole text the model has in mind for a step, before any cut; `formed` if JSON was asked for."""
    if step.of == "outline":
        return expected_outline(step.total or sections)
    if step.of == "section":
        return expected_section(step.topic, step.index, words)
    if step.of == "checklist":
        return expected_checklist(step.topic, formed=formed)
    return f"In short, and for {section_marker(step.topic, 0)}: {_paragraph(3, words // 2)}"


def rest_of(text: str, said: str) -> str:
    """Return what is left of `text` for a model that has `said` its beginning, or nothing yet.

    The beginning may come back with its ends stripped, or only as its last lines; text that cannot be placed is taken
    to end in the middle.
    """
    if text.startswith(said):
        return text[len(said) :]
    tail = said.rstrip()[-40:]
    at = text.find(tail) if tail else -1
    return text[at + len(tail) :] if at >= 0 else text[len(text) // 2 :]


def _sentences(text: str) -> list[str]:
    pieces = re.split(r"(?<=[.!?])\s+|(?<=。)|\n+", text)
    return [piece.strip() for piece in pieces if any(map(str.isalnum, piece))]


def _paragraph(start: int, words: int, *opening: str) -> str:
    sentences = list(opening)
    count = sum(len(sentence.split()) for sentence in sentences)
    while count < words or not sentences:
        sentences.append(_SENTENCES[start % len(_SENTENCES)])
        count += len(sentences[-1].split())
        start += 1
    return " ".join(sentences)
