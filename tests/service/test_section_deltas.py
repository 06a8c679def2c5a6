"""Sections shown as the model writes them, through real processes."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import httpx2
import msgspec
import pytest

from aether.adapters.redis.event_log import parse_events
from aether.adapters.redis.keys import CHANGES, RECORD, TEXTS
from aether.domain.events import StepFinished
from aether.durable.change_hub import Delta
from tests.scripted_model import Reset, Rule, Setup, cut_off_answer, expected_section
from tests.service.stack import Json, Stack
from tests.waiting import PATIENCE_S, until

TOPIC = "The Semaphore Line of Lille"
SLOWLY = Setup(sections=3, section_ms=800, stream_pieces=40)


class Event(NamedTuple):
    """An event as a browser would see it."""

    name: str
    data: Json


@contextmanager
def listening(stack: Stack, job_id: str) -> Iterator[Iterator[Event]]:
    """Follow a report, from its snapshot on."""
    url = f"{stack.url.rstrip('/')}/reports/{job_id}/events"
    with httpx2.Client(timeout=PATIENCE_S) as client, client.stream("GET", url) as answer:
        events = _events(answer.iter_lines())
        assert next(events).name == "snapshot"
        yield events


def _events(lines: Iterator[str]) -> Iterator[Event]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            found[name] = value
        elif "data" in found:
            yield Event(found["event"], msgspec.json.decode(found["data"]))
            found = {}


def watched(bare: Stack, **wishes: object) -> list[Event]:
    """A report that is watched before it is begun, to its end."""
    with listening(bare, bare.submit(TOPIC, **wishes)) as events:
        bare.start_worker()
        told = list(events)
    assert told[-1].name == "completed"
    return told


def previews(told: list[Event]) -> dict[tuple[int, int], str]:
    """What was told of each section and try, put together: nothing is missing but the end, which a change overtakes."""
    texts: dict[tuple[int, int], str] = defaultdict(str)
    for name, data in told:
        if name == "section.delta":
            which = data["position"], data["attempt"]
            assert data["offset"] == len(texts[which]), data
            texts[which] += data["text"]
    return texts


def raw(position: int) -> str:
    return expected_section(TOPIC, position + 1)


def test_every_section_is_told_piece_by_piece_before_it_is_finished(bare: Stack) -> None:
    bare.model.use([], SLOWLY)

    told = watched(bare)

    found = previews(told)
    assert sorted(found) == [(0, 1), (1, 1), (2, 1)]
    for at in range(3):
        assert raw(at).startswith(found[at, 1])
        of_it = [name for name, data in told if name.startswith("section") and data["position"] == at]
        assert of_it == ["section.delta"] * (len(of_it) - 1) + ["section"]
        assert len(of_it) > 2
    assert list(told[-1].data["report"]["sections"].values()) == [raw(at) for at in range(3)]


def test_all_of_a_text_is_published_and_nothing_behind_the_end_of_its_step(bare: Stack) -> None:
    """What reaches the last subscriber of all: pieces and changes on one connection, in their order."""
    bare.model.use([], SLOWLY)
    job_id = bare.submit(TOPIC)
    texts: dict[str, str] = defaultdict(str)
    done: set[str] = set()
    with bare.valkey.client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(CHANGES + job_id, TEXTS + job_id)
        bare.start_worker()
        while len(done) < 4:
            message = channel.get_message(timeout=PATIENCE_S)
            if message is None:
                continue
            if message["channel"].startswith(TEXTS.encode()):
                delta = msgspec.json.decode(message["data"], type=Delta)
                assert delta.step not in done
                assert (delta.attempt, delta.offset) == (1, len(texts[delta.step]))
                texts[delta.step] += delta.text
            else:
                done = finished(bare, job_id, int(message["data"]))

    assert texts == {f"section:{at}": raw(at) for at in range(3)}


def finished(stack: Stack, job_id: str, version: int) -> set[str]:
    """The steps that are done at this version."""
    events = parse_events(stack.valkey.client.hgetall(RECORD + job_id))
    return {event.name for at, event in events if at <= version and isinstance(event, StepFinished)}


def test_a_section_whose_stream_is_cut_begins_anew_and_ends_with_its_exact_text(bare: Stack) -> None:
    bare.model.use([Rule(kind="section", index=2, times=1, do=Reset(share=0.5))], SLOWLY)

    told = watched(bare)

    found = previews(told)
    assert sorted(found) == [(0, 1), (1, 1), (1, 2), (2, 1)]
    assert all(raw(at).startswith(text) for (at, _), text in found.items())
    assert found[1, 1] != raw(1)
    assert [(data["step"], data["attempt"]) for name, data in told if name == "attempt"] == [("section:1", 1)]
    assert [data["text"] for name, data in told if name == "section" and data["position"] == 1] == [raw(1)]


def test_a_section_that_was_cut_off_at_its_length_goes_on_behind_it(bare: Stack) -> None:
    rules = [Rule(kind="section", do=cut_off_answer(0.5)), Rule(kind="continuation", latency_ms=800)]
    bare.model.use(rules, Setup(sections=1, section_ms=300, stream_pieces=20))

    told = watched(bare)

    half = len(raw(0)) // 2
    assert len(previews(told)[0, 1]) > half
    assert previews(told)[0, 1][:half] == raw(0)[:half]


def test_sections_that_are_written_first_of_all_are_told_too(bare: Stack) -> None:
    """Before the worker has heard of it, somebody is thought to watch."""
    bare.model.use([], SLOWLY)

    told = watched(bare, outline=["Origins", "Fall"])

    assert sorted(previews(told)) == [(0, 1), (1, 1)]


@pytest.mark.parametrize("unknown", [("stream_options",), ("stream", "stream_options")])
def test_a_server_that_streams_badly_or_not_writes_the_same_report(bare: Stack, unknown: tuple[str, ...]) -> None:
    bare.model.use([], Setup(sections=3, reject_params=unknown))

    told = watched(bare)

    assert list(told[-1].data["report"]["sections"].values()) == [raw(at) for at in range(3)]
    assert {call.stream for call in bare.model.record.calls(kind="section", outcome="answered")} == {len(unknown) == 1}


def test_a_report_that_nobody_watches_is_not_streamed(stack: Stack) -> None:
    stack.model.use([], Setup(sections=3))

    stack.when(stack.submit(TOPIC), "completed")

    assert [call.stream for call in stack.model.calls()] == [False] * 4


def test_for_who_merely_waits_for_the_end_nothing_is_streamed(bare: Stack) -> None:
    bare.model.use([], Setup(sections=3))
    job_id = bare.submit(TOPIC)
    version = bare.http.get(f"/reports/{job_id}").headers["ETag"]
    waiting = threading.Thread(
        target=bare.http.get,
        args=(f"/reports/{job_id}",),
        kwargs={"headers": {"Prefer": "wait=5", "If-None-Match": version}},
    )
    waiting.start()

    bare.start_worker()
    bare.when(job_id, "completed")
    waiting.join()

    assert [call.stream for call in bare.model.calls()] == [False] * 4


def test_cancelling_a_report_that_is_watched_ends_its_streams(bare: Stack) -> None:
    bare.model.use([], Setup(sections=3, section_ms=30_000, stream_pieces=1_000))
    job_id = bare.submit(TOPIC)
    with listening(bare, job_id) as events:
        bare.start_worker()
        next(event for event in events if event.name == "section.delta")
        assert bare.http.post(f"/reports/{job_id}/cancel").status_code == 200

        assert [event.name for event in events][-1] == "cancelled"
    until(lambda: bare.model.record.outcomes().get("disconnected") == 3)
