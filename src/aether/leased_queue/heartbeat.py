"""Lease heartbeat: a thread extends the leases of a worker, so that a job that blocks the event loop loses no lease.

The same thread, over the same connection, watches the connections of other workers.
"""

import asyncio
import contextlib
import logging
import multiprocessing.connection
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import redis

from aether.leased_queue.connections import UNREACHABLE, notify_on_connect
from aether.leased_queue.leases import Claim
from aether.leased_queue.outage_log import OutageLog
from aether.leased_queue.peers import GRACE_S, PeerWatch
from aether.leased_queue.quarantine import runs_alone
from aether.leased_queue.scripts import Argument, QueueScripts

_logger = logging.getLogger(__name__)
_BATCH = 250  # a script blocks the whole server
_RETRY_S = 0.2
_SHORTEST_PAUSE_S = 0.01
_KEEP_PAYLOADS_S = 60.0


class LeaseEvent(Enum):
    """What the extend script reports about a claim."""

    LOST = "lost"
    MISSING = "missing"
    ABORTED = "aborted"
    PROGRESSED = "progressed"  # only of a job that runs alone


@dataclass(frozen=True, slots=True)
class HeartbeatOptions:
    """Whose leases are extended, and how often; durations in seconds."""

    queue: str
    worker: str
    lease_s: float
    interval_s: float
    stall_limit_s: float
    watch_aborts: bool
    peer_interval_s: float


class ClaimHolder(Protocol):
    """The worker whose leases are extended; its methods are called in its event loop."""

    @property
    def claims(self) -> dict[str, Claim]:
        """All claims it holds now; read from the thread."""
        ...

    def on_lease_event(self, claim: Claim, event: LeaseEvent) -> None:
        """Act on what was reported about a claim."""
        ...

    def on_outage(self) -> None:
        """Act on leases that could not be extended."""
        ...

    def on_peer_lost(self) -> None:
        """Act on the end of leases of another worker, which has died."""
        ...


class Heartbeat:
    """Extends all leases of one worker, and reports events to it."""

    def __init__(
        self,
        client: redis.Redis,
        scripts: QueueScripts,
        options: HeartbeatOptions,
        holder: ClaimHolder,
    ) -> None:
        self._client = client
        self._script = scripts.extend
        self._options = options
        self._holder = holder
        self._loop = asyncio.get_running_loop()
        self._sent_at = float("-inf")
        self._pinged_at: float | None = None
        self._payloads_kept_at = time.monotonic()
        self._peers = PeerWatch(client, scripts.end_leases, options.queue, options.worker, options.lease_s)
        self._connection: Any = None  # redis-py has no common type for its blocking connections
        self._waker, self._stop_receiver = socket.socketpair()
        self._outage = OutageLog(_logger, "leases cannot be renewed", "leases can be renewed again")
        notify_on_connect(client, self._on_connect)
        self._thread = threading.Thread(target=self._run, name="queue-heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def stop(self) -> None:
        """Stop the thread, and return when it has ended."""
        self._waker.close()
        await asyncio.to_thread(self._thread.join)
        self._stop_receiver.close()
        self._client.close()

    def _run(self) -> None:
        look_at = time.monotonic()
        beat_at = look_at + self._options.interval_s
        while self._wait(min(beat_at, look_at) - time.monotonic()):
            now = time.monotonic()
            if now >= beat_at:
                succeeded = self._ping_loop(now) and self._send(now)
                beat_at = now + (self._options.interval_s if succeeded else min(_RETRY_S, self._options.interval_s))
            if self._outage.is_outage:
                look_at = beat_at  # nothing may delay the first heartbeat after an outage
            elif now >= look_at or self._peers.is_new:
                look_at = now + self._look(now)
        self._peers.withdraw()

    def _wait(self, seconds: float) -> bool:
        """Wait, or until the connection is closed from outside; return whether to go on."""
        sock = self._connection and self._connection._sock  # noqa: SLF001 - redis-py has no method for this
        waited = [self._stop_receiver, sock] if sock else [self._stop_receiver]
        ready = multiprocessing.connection.wait(waited, max(seconds, _SHORTEST_PAUSE_S))
        if sock in ready:
            with contextlib.suppress(*UNREACHABLE):  # the next command fails in the same way
                pool = self._client.connection_pool
                pool.release(pool.get_connection())
        return self._stop_receiver not in ready

    def _look(self, now: float) -> float:
        """Look at the connections of peers, and return after how many seconds to look again."""
        try:
            if self._peers.look(now):
                self._call_in_loop(self._holder.on_peer_lost)
        except UNREACHABLE as error:
            self._fail(error)
        return (
            min(GRACE_S, self._options.peer_interval_s) if self._peers.is_suspicious else self._options.peer_interval_s
        )

    def _on_connect(self, connection: Any) -> None:  # as above
        self._connection = connection
        self._peers.on_connect()

    def _ping_loop(self, now: float) -> bool:
        """Return whether the event loop has answered within the stall limit."""
        if self._pinged_at is None:
            self._pinged_at = now
            self._call_in_loop(self._answer_ping)
            return True
        return now - self._pinged_at < self._options.stall_limit_s

    def _answer_ping(self) -> None:
        self._pinged_at = None

    def _call_in_loop(self, call: Callable[..., None], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and its worker has ended
            self._loop.call_soon_threadsafe(call, *args)

    def _send(self, now: float) -> bool:
        claims = list(dict(self._holder.claims).values())  # copied in one step of the interpreter
        if not claims and now - self._sent_at < self._options.lease_s / 2:
            return True  # the last heartbeat is still enough to show that the worker is alive
        self._sent_at = now
        keep_payloads = now - self._payloads_kept_at >= _KEEP_PAYLOADS_S
        try:
            for start in range(0, max(len(claims), 1), _BATCH):
                self._extend(claims[start : start + _BATCH], keep_payloads=keep_payloads)
        except UNREACHABLE as error:
            self._fail(error)
            return False
        self._outage.recovered()
        if keep_payloads:
            self._payloads_kept_at = now
        return True

    def _fail(self, error: Exception) -> None:
        self._outage.failed(error)
        self._client.connection_pool.disconnect()
        self._call_in_loop(self._holder.on_outage)

    def _extend(self, claims: list[Claim], *, keep_payloads: bool) -> None:
        options = self._options
        arguments: list[Argument] = [
            options.queue,
            options.worker,
            int(options.lease_s * 1000),
            int(options.watch_aborts),
            int(keep_payloads),
            runs_alone(claims),
        ]
        for claim in claims:
            arguments += (claim.job_id, claim.token)
        reply = self._script.run_blocking(self._client, arguments)
        by_id = {claim.job_id: claim for claim in claims}
        for job_id, event in zip(reply[::2], reply[1::2], strict=True):
            self._call_in_loop(self._holder.on_lease_event, by_id[job_id.decode()], LeaseEvent(event.decode()))
