"""What is told of texts while they are written, for tests of those who write."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aether.durable.change_hub import Delta


@dataclass
class RecordedTexts:
    """A `TokenChannel` that keeps what it is told."""

    told: list[tuple[str, Delta]] = field(default_factory=list)
    flushed: list[tuple[str, str]] = field(default_factory=list)
    on_flush: Callable[[], object] = lambda: None

    def publish(self, job_id: str, delta: Delta) -> None:
        self.told.append((job_id, delta))

    async def flush(self, job_id: str, step: str) -> None:
        await asyncio.sleep(0)
        self.on_flush()
        self.flushed.append((job_id, step))
