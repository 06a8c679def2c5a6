"""Lease renewal in a thread, so that a job that blocks the event loop does not cost its worker every other job."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import redis

from aether.leased_queue.connections import UNREACHABLE
from aether.leased_queue.leases import Claim, RunMode
from aether.leased_queue.outage_log import OutageLog
from aether.leased_queue.scripts import Argument, Script

_logger = logging.getLogger(__name__)
_BATCH = 250  # a script holds up the whole server
_RETRY_S = 0.2
_REFRESH_S = 60.0


class Finding(Enum):
    """What the renew script reports about a job."""

    LOST = "lost"
    MISSING = "missing"
    ABORTED = "aborted"
    VINDICATED = "vindicated"


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the heart beats; all durations in seconds."""

    queue: str
    worker: str
    lease_s: float
    interval_s: float
    stall_limit_s: float
    watch_aborts: bool


class Keeper(Protocol):
    """Whose claims are renewed; both methods are called in its event loop."""

    @property
    def claims(self) -> dict[str, Claim]:
        """All jobs it holds now; read from the thread."""
        ...

    def on_finding(self, claim: Claim, finding: Finding) -> None:
        """Something is to be done about a claim."""
        ...

    def on_outage(self) -> None:
        """Leases could not be renewed."""
        ...


class Heartbeat:
    """Renews all claims of one worker, and tells it what it finds."""

    def __init__(
        self,
        client: redis.Redis,
        script: Script,
        pulse: Pulse,
        keeper: Keeper,
    ) -> None:
        self._client = client
        self._script = script
        self._pulse = pulse
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._beaten_at = float("-inf")
        self._asked_at: float | None = None
        self._refreshed_at = time.monotonic()
        self._outage = OutageLog(_logger, "leases cannot be renewed", "leases can be renewed again")
        self._thread = threading.Thread(target=self._beat_until_stopped, name="queue-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    async def stop(self) -> None:
        """Beat no more; returns when the thread has ended."""
        self._stopped.set()
        await asyncio.to_thread(self._thread.join)
        self._client.close()

    def _beat_until_stopped(self) -> None:
        pause = self._pulse.interval_s
        while not self._stopped.wait(pause):
            began = time.monotonic()
            alive = self._ask_loop(began) and self._beat(began)
            full = self._pulse.interval_s if alive else min(_RETRY_S, self._pulse.interval_s)
            pause = max(full - (time.monotonic() - began), 0.01)

    def _ask_loop(self, now: float) -> bool:
        """Whether the loop still turns: it answers each question by forgetting when it was asked."""
        if self._asked_at is None:
            self._asked_at = now
            self._tell(self._answer)
            return True
        return now - self._asked_at < self._pulse.stall_limit_s

    def _answer(self) -> None:
        self._asked_at = None

    def _tell(self, call: Callable[..., None], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(call, *args)

    def _beat(self, now: float) -> bool:
        held = list(dict(self._keeper.claims).values())  # copied in one step of the interpreter
        if not held and now - self._beaten_at < self._pulse.lease_s / 2:
            return True  # what the last beat said of its life still holds
        self._beaten_at = now
        refresh = now - self._refreshed_at >= _REFRESH_S
        try:
            for start in range(0, max(len(held), 1), _BATCH):
                self._renew(held[start : start + _BATCH], refresh=refresh)
        except UNREACHABLE as error:
            self._outage.met(error)
            self._client.connection_pool.disconnect()
            self._tell(self._keeper.on_outage)
            return False
        self._outage.over()
        if refresh:
            self._refreshed_at = now
        return True

    def _renew(self, batch: list[Claim], *, refresh: bool) -> None:
        pulse = self._pulse
        lone = next((claim.job_id for claim in batch if claim.run_mode is RunMode.ALONE), "")
        arguments: list[Argument] = [
            pulse.queue,
            pulse.worker,
            int(pulse.lease_s * 1000),
            int(pulse.watch_aborts),
            int(refresh),
            lone,
        ]
        for claim in batch:
            arguments += (claim.job_id, claim.token)
        reply = self._script.run_blocking(self._client, arguments)
        by_id = {claim.job_id: claim for claim in batch}
        for job_id, finding in zip(reply[::2], reply[1::2], strict=True):
            self._tell(self._keeper.on_finding, by_id[job_id.decode()], Finding(finding.decode()))
