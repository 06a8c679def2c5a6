"""Renderers: what the one of the tests and the one of child processes have in common, and the limits of the latter."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aether.adapters.local.rendering.renderer import ProcessRenderer
from aether.documents.errors import DocumentTooLargeError, MissingFontError, RenderingBusyError
from aether.documents.rendering import Renderer, digest_of, render
from tests.fake_renderer import InlineRenderer
from tests.manuscripts import manuscript, whole_manuscript
from tests.unit.test_text_growth import MAX_HELD_S, longest_hold


@pytest.fixture(params=["inline", "processes"])
async def renderer(request: pytest.FixtureRequest) -> AsyncIterator[Renderer]:
    if request.param == "inline":
        yield InlineRenderer()
        return
    processes = ProcessRenderer()
    yield processes
    await processes.close()


@pytest.fixture
async def processes() -> AsyncIterator[ProcessRenderer]:
    renderer = ProcessRenderer()
    yield renderer
    await renderer.close()


async def test_the_file_is_what_the_writer_makes(renderer: Renderer) -> None:
    for format_name in ("html", "pdf", "json"):
        assert await renderer.render(whole_manuscript(), format_name) == render(whole_manuscript(), format_name)


async def test_errors_are_the_same_too(renderer: Renderer) -> None:
    with pytest.raises(MissingFontError, match=r"U\+0378"):
        await renderer.render(manuscript("\u0378"), "pdf")
    with pytest.raises(DocumentTooLargeError, match="characters"):
        await renderer.render(manuscript("x" * 2_000_001), "md")


async def test_a_document_that_takes_too_long_is_given_up_and_the_next_one_is_made(processes: ProcessRenderer) -> None:
    processes.max_seconds = 0.0
    with pytest.raises(DocumentTooLargeError, match="longer than 0 s"):
        await processes.render(whole_manuscript(), "pdf")

    processes.max_seconds = 30.0
    assert await processes.render(manuscript("a"), "md")


async def test_a_process_that_dies_is_replaced(processes: ProcessRenderer) -> None:
    await processes.render(manuscript("a"), "md")
    (pid,) = processes.process_ids
    os.kill(pid, signal.SIGKILL)

    assert await processes.render(manuscript("a"), "md")
    assert processes.process_ids != (pid,)


async def test_a_long_document_does_not_hold_the_event_loop(processes: ProcessRenderer) -> None:
    async def export(text: str) -> None:
        written = manuscript(text)
        digest_of(written, "md")
        assert len(await processes.render(written, "md")) > len(text)

    await export("a")
    longest = [await longest_hold(export, "A sentence of some words. " * 20_000) for _ in range(3)]
    assert min(longest) < MAX_HELD_S


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs a /proc")
async def test_processes_know_no_secrets(processes: ProcessRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    monkeypatch.setenv("AETHER_API_KEY", "aether_hidden")
    await processes.render(manuscript("a"), "md")

    (pid,) = processes.process_ids
    assert b"hidden" not in Path(f"/proc/{pid}/environ").read_bytes()  # noqa: ASYNC240 - a file of the kernel


async def test_two_are_rendered_at_a_time_and_too_many_are_refused(processes: ProcessRenderer) -> None:
    renderings = [asyncio.create_task(processes.render(manuscript("a"), "md")) for _ in range(40)]
    results = await asyncio.gather(*renderings, return_exceptions=True)

    assert sum(isinstance(result, bytes) for result in results) == 34
    assert sum(isinstance(result, RenderingBusyError) for result in results) == 6
    assert len(processes.process_ids) == 2
