"""Clocks: the time of this machine, and that of the job store."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from aether.durable.ports import Clock


class SystemClock:
    """The `Clock` used in production."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class StoreClock:
    """A `Clock` with the time of the job store, as far as this machine's monotonic clock can tell it.

    A worker's own clock may be wrong. The times in a record, and the deadlines reckoned from them, are the store's.
    """

    def __init__(self, clock: Clock, store_time: datetime) -> None:
        """Start with the time that the store has just told."""
        self._clock = clock
        self._store_time = store_time
        self._told_at = clock.monotonic()

    def now(self) -> datetime:
        """Return the current time of the store."""
        return self._store_time + timedelta(seconds=self._clock.monotonic() - self._told_at)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._clock.sleep(seconds)
