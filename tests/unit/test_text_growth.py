"""No text keeps a worker busy: the time that is spent on one grows like its length, and not on the event loop."""

import asyncio
import gc
import json
from collections.abc import Callable
from contextlib import suppress
from time import thread_time

import pytest

from aether.adapters.openai.completions import parse_completion
from aether.adapters.openai.replies import remove_thinking
from aether.adapters.openai.streaming import StreamedCompletion
from aether.cli.output import markdown
from aether.documents.composer import compose
from aether.documents.markdown_writer import write_markdown
from aether.domain.checklist import Summary
from aether.domain.plain_text import clean, is_blank
from aether.domain.report import Outline, OutlineItem
from aether.domain.report_request import ReportRequest
from aether.errors import ModelUnreachableError, UnusableOutputError
from aether.workflows.checklist.editor import ModelEditor
from aether.workflows.checklist.parser import parse_checklist
from aether.workflows.llm.chunking import split_to_fit
from aether.workflows.llm.json_repair import bounded_answer
from aether.workflows.llm.markdown_cleanup import join_continuation, section_body, up_to_last_sentence
from aether.workflows.llm.ports import Reply
from aether.workflows.llm.prompt_fence import fence, unescape
from aether.workflows.llm.quotes import Source
from aether.workflows.llm.token_estimate import estimate_max_tokens
from aether.workflows.report.outline_parser import parse_outline
from aether.workflows.report.quality.cleaning import clean_section
from aether.workflows.report.quality.sections import Assignment, check_sections
from aether.workflows.report.writer import ModelWriter
from tests.hostile_texts import FAMILIES, TITLE
from tests.manuscripts import manuscript
from tests.scripted_chat import USAGE, ScriptedChat

pytestmark = pytest.mark.slow

SIZE = 2_000
TIMES = 4
MAX_GROWTH = TIMES * 2.2  # quadratic work would grow by 16
TOO_SHORT_TO_MEASURE_S = 0.002
SOURCE = Source("Staff wash their hands before meals. Raw meat is stored below cooked food. " * 20)
PROMPTS = [fence("topic", "Vec<T> &lt; &amp;lt;")]


def parsed_outline(text: str) -> None:
    with suppress(UnusableOutputError):
        parse_outline(text, None)


def parsed_checklist(text: str) -> None:
    with suppress(UnusableOutputError):
        parse_checklist(text, SOURCE)


def split(text: str) -> None:
    split_to_fit(text, lambda part: estimate_max_tokens(fence("guideline", part)) <= 60)


WORK: dict[str, Callable[[str], object]] = {
    "section": lambda text: section_body(text, TITLE),
    "section of a report": lambda text: clean_section(text, titles=[TITLE, "a", "x", "Fall"], position=0, topic="Rome"),
    "checked section": lambda text: check_sections([text], Assignment("Rome", (TITLE,), (250,))),
    "last sentence": up_to_last_sentence,
    "continuation": lambda text: join_continuation(text, text),
    "outline": parsed_outline,
    "checklist": parsed_checklist,
    "source": Source,
    "claim": lambda text: SOURCE.quote("Wash hands", text),
    "statement": lambda text: SOURCE.quote(text, ""),
    "split": split,
    "bounded answer": lambda text: bounded_answer(text, 10_000_000),
    "unescape": lambda text: unescape(text, PROMPTS),
    "clean": clean,
    "blank": is_blank,
    "heading": markdown.heading,
    "quotation": markdown.quotation,
    "passage": markdown.passage,
    "document": lambda text: write_markdown(compose(manuscript(text))),
    "title": lambda text: Outline.of([OutlineItem(text[:200], text)]),
}


def seconds(work: Callable[[str], object], text: str) -> float:
    """The CPU time of this thread, without garbage: neither other processes nor what other tests have left count."""
    gc.disable()
    try:
        began = thread_time()
        work(text)
        return thread_time() - began
    finally:
        gc.enable()


def growth(work: Callable[[str], object], family: Callable[[int], str]) -> float:
    text, longer = family(SIZE), family(SIZE * TIMES)
    took = min(seconds(work, longer) for _ in range(2))
    return took / max(TOO_SHORT_TO_MEASURE_S / TIMES, min(seconds(work, text) for _ in range(3)))


@pytest.mark.parametrize("name", WORK)
def test_work_on_a_text_grows_like_the_text(name: str) -> None:
    work = WORK[name]
    for family in FAMILIES.values():
        work(family(100))  # compiles and caches what is used

    for kind, family in FAMILIES.items():
        # A collection of garbage or a change of the CPU's frequency may spoil one measurement, but not all.
        assert any(growth(work, family) < MAX_GROWTH for _ in range(10)), kind


PLAN = Outline((OutlineItem(TITLE), OutlineItem("Fall")))
REQUEST = ReportRequest(topic="Rome")
MAX_HELD_S = 0.02
HUGE = 200_000


async def section_of(text: str) -> None:
    await ModelWriter(ScriptedChat(text)).write_section(REQUEST, PLAN, 0)


async def outline_of(text: str) -> None:
    await ModelWriter(ScriptedChat(text, text)).write_outline(REQUEST)


async def summary_of(text: str) -> None:
    await ModelEditor(ScriptedChat(text), 128_000).summarise("Wash your hands.")


async def checklist_of(text: str) -> None:
    guideline = "Staff wash their hands before meals. " * 500
    await ModelEditor(ScriptedChat(text, text), 128_000).write_checklist(guideline, Summary("Hygiene."))


async def continued_section_of(text: str) -> None:
    beginning, rest = Reply(f"Rome. {text[:900]}", cut_off=True, usage=USAGE), Reply(text, cut_off=True, usage=USAGE)
    await ModelWriter(ScriptedChat(beginning, rest, rest, rest)).write_section(REQUEST, PLAN, 0)


async def whole_answer_of(text: str) -> None:
    """The adapter's work on an answer that arrives whole."""
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice]}).encode()
    await asyncio.sleep(0.001)  # the server's work ends here
    await remove_thinking(await parse_completion(body), holds=False)


async def streamed_answer_of(text: str) -> None:
    """The adapter's work on an answer that arrives in pieces as large as a socket's buffer."""
    pieces = [text[at : at + 60_000] for at in range(0, len(text), 60_000)]
    chunks = [json.dumps({"choices": [{"delta": {"content": piece}}]}).encode() for piece in pieces]
    completion = StreamedCompletion(lambda _: None)
    for chunk in chunks:
        await asyncio.sleep(0.001)  # other pieces arrive later
        await completion.feed(b"data: " + chunk + b"\n\n")
    await completion.feed(b"data: [DONE]\n\n")
    await completion.answer()


def listed_answers(text: str) -> list[bytes]:
    chunks = [{"choices": [{"delta": {"content": text[at : at + 50]}}]} for at in range(0, len(text), 50)]
    return [json.dumps(chunks).encode(), b'[{"choices":[]},' + text.encode("utf-8", "replace") * 10]


async def listed_answer_of(text: str) -> None:
    """The adapter's work on a stream that is one list of events, of which any may be garbage."""
    for body in await asyncio.to_thread(listed_answers, text):  # which is the server's work
        completion = StreamedCompletion(lambda _: None)
        for at in range(0, len(body), 60_000):
            await asyncio.sleep(0.001)
            await completion.feed(body[at : at + 60_000])
        with suppress(UnusableOutputError, ModelUnreachableError):
            await completion.answer()


async def longest_hold(work: Callable[[str], object], text: str) -> float:
    """Return the longest time for which the event loop's thread worked without a turn for other tasks."""
    longest, done = 0.0, asyncio.Event()

    async def watch() -> None:
        nonlocal longest
        while not done.is_set():
            began = thread_time()
            await asyncio.sleep(0.0005)
            longest = max(longest, thread_time() - began)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    with suppress(UnusableOutputError):
        await work(text)  # type: ignore[misc]
    done.set()
    await watching
    return longest


@pytest.mark.parametrize(
    "work",
    [
        *(section_of, continued_section_of, outline_of, summary_of, checklist_of),
        *(whole_answer_of, streamed_answer_of, listed_answer_of),
    ],
    ids=lambda work: work.__name__,
)
async def test_no_text_holds_the_event_loop(work: Callable[[str], object]) -> None:
    for kind, family in FAMILIES.items():
        text = family(HUGE)
        for _ in range(5):
            held = await longest_hold(work, text)
            if held < MAX_HELD_S:
                break
        assert held < MAX_HELD_S, kind
