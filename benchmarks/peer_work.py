"""The work of the peers of `benchmarks.peers`: the outline of a report, then all sections at the same time.

It knows nothing of Aether, whose packages are not in the environment of all peers.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI

SECTIONS = 8
TIMEOUT_S = 300
KEPT_S = 24 * 3600
_FENCE = "<topic>\n{topic}\n</topic>\n"


@dataclass
class ReportBody:
    """What is posted."""

    topic: str


async def write_report(
    client: AsyncOpenAI, topic: str, set_progress: Callable[[float], Awaitable[object]]
) -> dict[str, Any]:
    """Write a report; `set_progress` is awaited after the outline and after each section."""
    outline = json.loads(await _ask(client, topic, f"Write the outline of a report with exactly {SECTIONS} sections."))
    titles = [section["title"] for section in outline["sections"]]
    done = 1
    await set_progress(done / (SECTIONS + 1))

    async def write_section(number: int, title: str) -> str:
        nonlocal done
        text = await _ask(client, topic, f"Write section {number} of {SECTIONS}: {title}")
        done += 1
        await set_progress(done / (SECTIONS + 1))
        return text

    texts = await asyncio.gather(*(write_section(number, title) for number, title in enumerate(titles, start=1)))
    return {"topic": topic, "outline": titles, "sections": dict(zip(titles, texts, strict=True))}


async def _ask(client: AsyncOpenAI, topic: str, task: str) -> str:
    prompt = _FENCE.format(topic=topic) + task
    answer = await client.chat.completions.create(
        model="scripted-model", messages=[{"role": "user", "content": prompt}]
    )
    return answer.choices[0].message.content or ""
