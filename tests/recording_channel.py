"""Recording channel: keeps the text deltas that are published on it, for tests of publishers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aether.durable.change_hub import Delta


@dataclass
class RecordingChannel:
    """A `TokenChannel` that records deltas and flushes; `on_flush` is called during each flush."""

    deltas: list[tuple[str, Delta]] = field(default_factory=list)
    flushes: list[tuple[str, str]] = field(default_factory=list)
    on_flush: Callable[[], object] = lambda: None

    def publish(self, job_id: str, delta: Delta) -> None:
        self.deltas.append((job_id, delta))

    async def flush(self, job_id: str, step: str) -> None:
        await asyncio.sleep(0)
        self.on_flush()
        self.flushes.append((job_id, step))
