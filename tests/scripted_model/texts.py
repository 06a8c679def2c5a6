"""Texts: the default answers of the model; the same request gets the same text in each run."""

import hashlib
import re
from functools import lru_cache

import msgspec

from tests.scripted_model.classifier import Step

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
_ADJECTIVES = (
    *("early", "modest", "careful", "costly", "quiet", "public", "simple", "steady", "common", "foreign", "narrow"),
    *("lasting", "private", "open", "distant", "ordinary", "local", "hidden", "gradual", "broken", "patient", "new"),
    *("older", "formal", "rural", "minor", "useful", "early", "severe", "shared", "rapid", "plain", "later", "legal"),
)
_NOUNS = (
    *("method", "harbour", "custom", "record", "market", "village", "teacher", "engine", "council", "trial", "rule"),
    *("winter", "workshop", "trade", "ledger", "school", "border", "journey", "tool", "debate", "farm", "garden"),
    *("letter", "measure", "habit", "bridge", "river", "guild", "dial", "answer", "region", "family", "review"),
)
_VERBS = (
    *(
        "shaped",
        "replaced",
        "followed",
        "weakened",
        "explained",
        "opened",
        "reached",
        "divided",
        "supported",
        "delayed",
    ),
    *("improved", "limited", "recorded", "changed", "described", "protected", "ended", "joined", "taught", "measured"),
    *("crossed", "avoided", "repeated", "helped", "moved", "shared", "tested", "allowed", "carried", "needed"),
)
_ADVERBS = (
    *("for many years", "in most places", "without much noise", "against some advice", "after a long dispute"),
    *("with few resources", "as far as is known", "at a low price", "under close watch", "before the reform"),
    *("by general consent", "in the same season", "despite its cost", "to everyone's surprise", "on a small scale"),
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
    """Return the title of section `index` (from 1) in an outline; each index has its own."""
    title = _TITLES[(index - 1) % len(_TITLES)]
    lap = (index - 1) // len(_TITLES)
    return f"{title}, part {lap + 1}" if lap else title


@lru_cache(maxsize=65_536)
def section_marker(topic: str, index: int) -> str:
    """Return the word that is in the text of this section and of no other section of any report.

    It has letters, digits and hyphens only, so that it stays the same in Markdown, HTML and every export format.
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
    """Return the two paragraphs of section `index` of this topic, of `words` words or a few more."""
    opening = f"This part is kept under {section_marker(topic, index)} in the notes."
    first = _paragraph(index * 5, words // 2, opening)
    return f"{first}\n\n{_paragraph(index * 5 + 7, words - len(first.split()))}"


def expected_checklist(guideline: str, *, as_json: bool = True) -> str:
    """Return the checklist of a guideline, one item for each sentence, as JSON or as a list in Markdown."""
    items = [_Item(sentence, f"See to this: {sentence}") for sentence in _sentences(guideline)]
    if as_json:
        return msgspec.json.encode(_Checklist(items)).decode()
    return "\n".join(["Here is the checklist:", "", *(f"- [ ] {item.text}" for item in items)])


def expected_derived(what: str) -> str:
    """Return what is derived from the sections of a report: a text, or JSON; it has no numbers and no names."""
    match what:
        case "key points":
            return msgspec.json.encode({"points": [_sentence(f"point {at}") for at in range(5)]}).decode()
        case "glossary":
            entries = [{"term": noun, "definition": _sentence(f"term {noun}")} for noun in _NOUNS[:5]]
            return msgspec.json.encode({"entries": entries}).decode()
        case _:
            return _paragraph(len(what), 60)


def expected_text(step: Step, sections: int, words: int, *, as_json: bool = True) -> str:
    """Return the complete text of a step; `as_json` if the request asks for JSON."""
    if step.of == "outline":
        return expected_outline(step.total or sections)
    if step.of == "section":
        return expected_section(step.topic, step.index, words)
    if step.of == "checklist":
        return expected_checklist(step.topic, as_json=as_json)
    if step.of == "derived":
        return expected_derived(step.title)
    return f"In short, and for {section_marker(step.topic, 0)}: {_paragraph(3, words // 2)}"


def remainder(text: str, beginning: str) -> str:
    """Return the rest of a text of which a model has written the beginning, or nothing yet.

    The beginning may be stripped, or be only the last lines of it. If it is not in the text, the rest is the second
    half.
    """
    if text.startswith(beginning):
        return text[len(beginning) :]
    tail = beginning.rstrip()[-40:]
    at = text.find(tail) if tail else -1
    return text[at + len(tail) :] if at >= 0 else text[len(text) // 2 :]


def _sentences(text: str) -> list[str]:
    pieces = re.split(r"(?<=[.!?])\s+|(?<=。)|\n+", text)
    return [piece.strip() for piece in pieces if any(map(str.isalnum, piece))]


def _paragraph(start: int, words: int, *opening: str) -> str:
    """Return sentences of which hardly any five words in a row stand in a paragraph with another start."""
    sentences = list(opening)
    count = sum(len(sentence.split()) for sentence in sentences)
    while count < words or not sentences:
        sentences.append(_sentence(f"{start} {len(sentences)}"))
        count += len(sentences[-1].split())
    return " ".join(sentences)


def _sentence(seed: str) -> str:
    first, second, third, fourth, fifth, sixth, *_ = hashlib.blake2b(seed.encode()).digest()
    subject = f"The {_ADJECTIVES[first % len(_ADJECTIVES)]} {_NOUNS[second % len(_NOUNS)]}"
    object_ = f"the {_ADJECTIVES[fourth % len(_ADJECTIVES)]} {_NOUNS[fifth % len(_NOUNS)]}"
    return f"{subject} {_VERBS[third % len(_VERBS)]} {object_} {_ADVERBS[sixth % len(_ADVERBS)]}."
