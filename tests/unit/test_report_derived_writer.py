"""Derived sections are written from the finished ones, and hold nothing that does not stand there."""

import json

import pytest

from aether.domain.derived_section import DerivedKind, DerivedSection, EntryTarget, GlossaryEntry, WordTarget
from aether.domain.report import Outline, OutlineItem, Section
from aether.domain.report_request import ReportRequest
from aether.durable.token_budget import TokenMeter, use_meter
from aether.errors import UnusableOutputError
from aether.workflows.llm.token_estimate import estimate_max_tokens
from aether.workflows.report.derived_writer import DerivedWriter, cut_texts
from aether.workflows.report.draft import Draft
from tests.scripted_chat import ScriptedChat
from tests.scripted_model.classifier import ChatRequest, Step, classify
from tests.scripted_model.classifier import Message as WireMessage

TEXTS = ("Rome began as a village in 753 BC.", "The Republic fell to Augustus, as Livy says.")
CONTEXT = 8_000


def draft_of(*texts: str, **wishes: object) -> Draft:
    request = ReportRequest("Rome", **wishes)  # type: ignore[arg-type]  # fields by name
    outline = Outline(tuple(OutlineItem(f"Part {'abc'[at]}") for at in range(len(texts))))
    return Draft(request, outline, tuple(map(Section, texts)))


DRAFT = draft_of(*TEXTS)


def points_of(*points: str) -> str:
    return json.dumps({"points": points})


@pytest.mark.parametrize(
    ("kind", "answer", "expected"),
    [
        (DerivedKind.SUMMARY, "## Summary\n\nRome began in 753 BC.", DerivedSection("Rome began in 753 BC.")),
        (DerivedKind.CONCLUSION, "It fell to Augustus.", DerivedSection("It fell to Augustus.")),
        (DerivedKind.KEY_POINTS, points_of("It began.", "It fell."), DerivedSection(points=("It began.", "It fell."))),
        (
            DerivedKind.KEY_POINTS,
            "Here:\n\n1. It began.\n2. It fell.",
            DerivedSection(points=("It began.", "It fell.")),
        ),
        (
            DerivedKind.GLOSSARY,
            '{"entries": [{"term": "Republic", "definition": "A state."}, {"term": "republic", "definition": "No."}]}',
            DerivedSection(entries=(GlossaryEntry("Republic", "A state."),)),
        ),
        (
            DerivedKind.GLOSSARY,
            '{"Republic": "A state.", "Village": "A place."}',
            DerivedSection(entries=(GlossaryEntry("Republic", "A state."), GlossaryEntry("Village", "A place."))),
        ),
        (
            DerivedKind.GLOSSARY,
            "- **Republic**: A state.\n- Village – a place.",
            DerivedSection(entries=(GlossaryEntry("Republic", "A state."), GlossaryEntry("Village", "a place."))),
        ),
    ],
)
async def test_an_answer_is_read_whatever_its_form(kind: DerivedKind, answer: str, expected: DerivedSection) -> None:
    chat = ScriptedChat(answer)

    written = await DerivedWriter(chat, CONTEXT).write(DRAFT, kind)

    assert (written.text, written.points, written.entries) == (expected.text, expected.points, expected.entries)
    assert len(chat.calls) == 1


async def test_what_is_invented_is_asked_for_again_once_and_told_in_the_record() -> None:
    chat = ScriptedChat("It began in 754 BC, says Mommsen.", "It began in 753 BC.")

    with use_meter(meter := TokenMeter()):
        written = await DerivedWriter(chat, CONTEXT).write(DRAFT, DerivedKind.SUMMARY)

    assert written == DerivedSection("It began in 753 BC.")
    assert "754, Mommsen" in chat.calls[1].last_turn
    assert meter.warnings == ("It was asked for again, as these do not stand in the sections: 754, Mommsen.",)


async def test_what_is_invented_again_is_removed_and_told() -> None:
    chat = ScriptedChat(points_of("It began in 754 BC."), points_of("It began in 755 BC.", "It fell to Augustus."))

    written = await DerivedWriter(chat, CONTEXT).write(DRAFT, DerivedKind.KEY_POINTS)

    assert written.points == ("It fell to Augustus.",)
    assert [finding.code for finding in written.findings] == ["ungrounded"]


async def test_an_answer_without_a_list_fails_the_attempt() -> None:
    with pytest.raises(UnusableOutputError, match="it holds no list"):
        await DerivedWriter(ScriptedChat("No.", "No."), CONTEXT).write(DRAFT, DerivedKind.GLOSSARY)


async def test_the_length_is_as_wished() -> None:
    draft = draft_of(*TEXTS, summary=WordTarget(40), key_points=EntryTarget(2), model="other")
    chat = ScriptedChat("It began.", points_of("It began.", "It fell.", "It rose."))
    writer = DerivedWriter(chat, CONTEXT)

    await writer.write(draft, DerivedKind.SUMMARY)
    written = await writer.write(draft, DerivedKind.KEY_POINTS)

    assert "about 40 words" in chat.calls[0].last_turn
    assert "2 points" in chat.calls[1].last_turn
    assert (len(written.points), chat.calls[0].model) == (2, "other")


async def test_the_prompt_shows_the_sections_under_their_headings_and_fences_them() -> None:
    chat = ScriptedChat("It began.")
    await DerivedWriter(chat, CONTEXT).write(draft_of("Rome </sections> began."), DerivedKind.SUMMARY)

    assert "<sections>\n## I. Part a\n\nRome &lt;/sections> began.\n</sections>" in chat.calls[0].last_turn


@pytest.mark.parametrize(
    ("kind", "title"),
    [*zip(DerivedKind, ("summary", "conclusion", "key points", "glossary"), strict=True)],
)
async def test_the_scripted_model_knows_the_prompts(kind: DerivedKind, title: str) -> None:
    chat = ScriptedChat("- Term: it began.")
    await DerivedWriter(chat, CONTEXT).write(DRAFT, kind)

    turns = [WireMessage(turn.role, turn.content) for turn in chat.calls[0].messages]
    assert classify(ChatRequest("m", turns)) == Step("derived", "derived", title=title, topic="Rome")


@pytest.mark.parametrize("tokens", [300, 1_000, 10_000])
def test_texts_are_cut_to_the_tokens_that_there_are(tokens: int) -> None:
    texts = ["Short.", ("A sentence of some length. " * 40).strip(), ("Another one, a longer one. " * 100).strip()]

    cut = cut_texts(texts, tokens)

    assert sum(map(estimate_max_tokens, cut)) <= tokens
    assert cut[0] == "Short."
    assert all(part.endswith(".") and text.startswith(part) for part, text in zip(cut, texts, strict=True))
    assert tokens < 10_000 or cut == texts


async def test_long_sections_leave_room_for_the_answer() -> None:
    chat = ScriptedChat("It began.")
    await DerivedWriter(chat, 2_048).write(draft_of(*["It began as a village. " * 400] * 3), DerivedKind.SUMMARY)

    assert sum(estimate_max_tokens(message.content) for message in chat.calls[0].messages) < 2_048 - 120
