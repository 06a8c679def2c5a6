"""Waiting: tests wait for events, with a limit that only a missing event reaches."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 120.0
"""A limit for what should come at once. It is no expectation of how fast a machine is: waiting ends with the event."""


def until(condition: Callable[[], object], within_s: float = PATIENCE_S) -> float:
    """Wait until `condition` holds, and return how long that took."""
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        assert waited < within_s, f"did not come true within {within_s} s"
        time.sleep(pause(waited))
    return time.monotonic() - begun


async def eventually(condition: Callable[[], object | Awaitable[object]], within_s: float = PATIENCE_S) -> float:
    """Do as `until`, in an event loop; the condition may be a coroutine."""
    begun = time.monotonic()
    while True:
        holds = condition()
        if await holds if isinstance(holds, Awaitable) else holds:
            return time.monotonic() - begun
        waited = time.monotonic() - begun
        assert waited < within_s, f"did not come true within {within_s} s"
        await asyncio.sleep(pause(waited))


def pause(waited_s: float) -> float:
    """Return how long to wait before the next look; each look costs CPU, and a long wait is measured less exactly."""
    return min(0.005 + waited_s / 20, 0.1)


def slowness(sample_s: float = 0.05) -> float:
    """Return how many times longer than on an idle machine something takes here just now, from 1.

    For bounds in seconds that are what a test is about: they are strict on an idle machine, and longer by this factor
    on one with other work to do.
    """
    begun, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < sample_s:
        pass
    return max(1.0, (time.monotonic() - begun) / sample_s)
