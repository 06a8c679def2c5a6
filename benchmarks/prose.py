"""Prose: how many sections of the bundled model have a fault that code can see.

Each topic becomes one report, of a service that runs as at the first start: `aether serve` without a
model server. The faults are looked for by this benchmark's own rules, so that the service's checks are not their own
judges: markup, words about the text itself, a sentence of more than 60 words, a sentence that comes twice, a quarter of
all 5-grams repeated, an end without a full stop, fewer than 40 words, the heading repeated as the first line. The model
writes English only, so a topic in another language counts apart. "Failed tries" are the attempts that failed; between
the reports is a pause that is longer than the model server keeps an idle connection. The texts are in the folder that
PROSE_OUT names, if it is set, to be read.
"""

import asyncio
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import msgspec

from aether.cli.kinds.report import to_markdown
from aether.cli.kinds.report_state import Report
from aether.cli.local.discovery import ServerAddress, read_address
from benchmarks.processes import running
from benchmarks.tables import Table, note_of

_ENGLISH = (
    *("The Roman Empire", "Black holes", "Sourdough bread", "Renewable energy in small towns", "The history of chess"),
    *("Machine learning in hospitals", "Coral reefs", "Remote work and team culture", "The French Revolution"),
    *("How vaccines work", "Electric cars in Norway"),
)
_OTHER = ("Die Geschichte des Fahrrads",)
_PAUSE_S = 6.0
_MAX_SENTENCE, _LEAST_WORDS, _GRAM, _MAX_REPEATED, _SHORT = 60, 40, 5, 0.25, 5
_MARKUP = re.compile(r"<<|>>|\[\[|\]\]|</?\w+>|[{}|#`]|\*\*")
_TALK = re.compile(
    r"\b(?:this|the following|our|my|the above) (?:report|essay|entry|article|section|document|text|paper)\b"
    r"|\bin this (?:report|section|article|essay|entry)|\bencyclop(?:a|ae)?edia\b|\bas an ai\b"
    r"|\bI(?:'m|'ll| am| will)\b"
    r"|\A(?:sure|certainly|okay|here (?:is|are)|title\b)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”')]*\s+(?=[A-Z0-9\"“(])")
_TEXT_END = re.compile(r"[.!?][\"”')]*\s*\Z")


class Row(NamedTuple):
    """The reports in one language."""

    topics: str
    reports: int
    sections: int
    faulty: int
    faults: str
    equal_titles: int
    failed_tries: int
    seconds_per_report: float


async def measure(*, quick: bool) -> Table:
    """Write the reports one after the other."""
    topics = {"English": _ENGLISH[:2] if quick else _ENGLISH, "another language": _OTHER}
    with tempfile.TemporaryDirectory() as folder:
        # Without what would name a model server.
        environment = {"AETHER_LOCAL_SEARCH": "false", "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
        async with running("aether", "serve", "--port", "0", "--data-dir", folder, env=environment):
            address = await _address(Path(folder))
            key = address.key.reveal() if address.key else ""
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx2.AsyncClient(base_url=address.url, headers=headers, timeout=60, trust_env=False) as http:
                rows = [await _row(http, name, each) for name, each in topics.items()]
    return Table("Prose of the bundled model", note_of(__doc__), rows)


async def _address(folder: Path) -> ServerAddress:
    async with asyncio.timeout(60):
        while (address := read_address(folder)) is None:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.1)
    return address


async def _row(http: httpx2.AsyncClient, name: str, topics: tuple[str, ...]) -> Row:
    jobs, seconds = [], 0.0
    for topic in topics:
        began = time.monotonic()
        jobs.append(await _write(http, topic))
        seconds += time.monotonic() - began
        await asyncio.sleep(_PAUSE_S)
    reports = [msgspec.convert(job["report"], Report) for job in jobs]
    _keep(reports)
    faults = [found for report in reports for found in _faults_of(report)]
    kinds = Counter(kind for found in faults for kind in found)
    return Row(
        name,
        len(reports),
        len(faults),
        sum(map(bool, faults)),
        ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()) or "none",
        sum(len(each.outline) - len({_title(heading) for heading in each.outline}) for each in reports),
        sum(attempt.get("nextRetryAt") is not None for job in jobs for attempt in job["attempts"]),
        seconds / len(reports),
    )


async def _write(http: httpx2.AsyncClient, topic: str) -> dict[str, Any]:  # Any: JSON of the API
    """Return the finished job; it is watched like one of `aether report`, so that the model's answers are streamed."""
    created = (await http.post("/reports", json={"topic": topic})).raise_for_status().json()
    path = f"/reports/{created['jobId']}"
    async with http.stream("GET", f"{path}/events", timeout=600) as events:
        async for _ in events.aiter_bytes():
            pass
    job: dict[str, Any] = (await http.get(path)).raise_for_status().json()
    return job


def _keep(reports: list[Report]) -> None:
    if folder := os.environ.get("PROSE_OUT"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for report in reports:
            (Path(folder) / f"{report.topic}.md").write_text(to_markdown(report), encoding="utf-8")


def _faults_of(report: Report) -> list[list[str]]:
    return [list(_faults(text, _title(heading))) for heading, text in report.sections.items()]


def _title(heading: str) -> str:
    """Return a heading without its numeral."""
    return heading.partition(" ")[2].casefold()


def _faults(text: str, title: str) -> Iterator[str]:
    sentences = [sentence for line in text.splitlines() for sentence in _SENTENCE_END.split(line)]
    words = _words(text)
    grams = Counter(zip(*(words[start:] for start in range(_GRAM)), strict=False))
    counted = Counter(" ".join(_words(sentence)) for sentence in sentences if len(_words(sentence)) >= _SHORT)
    checks = {
        "markup": _MARKUP.search(text) is not None,
        "talk": _TALK.search(text) is not None,
        "long sentence": any(len(sentence.split()) > _MAX_SENTENCE for sentence in sentences),
        "repeated sentence": max(counted.values(), default=0) > 1,
        "loop": sum(count for count in grams.values() if count > 1) > _MAX_REPEATED * max(1, grams.total()),
        "open end": _TEXT_END.search(text) is None,
        "short": len(words) < _LEAST_WORDS,
        "heading": _words(text.strip().partition("\n")[0]) == _words(title),
    }
    yield from (name for name, is_faulty in checks.items() if is_faulty)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
