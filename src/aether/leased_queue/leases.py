"""Leases: the claims that a worker holds, and how the claim script replies them."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from arq.utils import timestamp_ms


class RunMode(Enum):
    """How a claimed job is to be run, as `quarantine.lua` has decided."""

    NORMAL = "normal"
    WAIT = "wait"  # quarantined, on a busy worker: starts when nothing else runs there
    ALONE = "alone"  # quarantined: nothing may start beside it
    DEAD_LETTER = "dead_letter"  # a worker died although the job ran alone: it must not run again


@dataclass(slots=True, eq=False)
class Claim:
    """A job that this worker holds.

    `token` is the fencing token: the queue accepts acks about the job only with the latest one. `score` is the job's
    place in the queue, which is given back unchanged.
    """

    job_id: str
    token: str
    score: bytes
    payload: bytes
    run_mode: RunMode = RunMode.NORMAL
    attempt: int = 1
    is_read: bool = False  # arq's `run_job` has asked for payload and attempt
    is_started: bool = False  # the job's own function was entered
    is_lost: bool = False
    is_closing: bool = False  # its last ack is being sent: what the heartbeat reports no longer matters
    task: asyncio.Task[None] | None = None
    claimed_at_ms: int = field(default_factory=timestamp_ms)


# Set in the task of each job, so that the methods that arq calls there find the claim they act for. A job id would not
# do: the same job may be claimed again while its lost run is still being cancelled.
current_claim: ContextVar[Claim] = ContextVar("current_claim")


@dataclass(frozen=True, slots=True)
class ClaimBatch:
    """The reply to one claim; `due_in_s` is None when no job waits for its time."""

    claims: list[Claim]
    due_in_s: float | None


def parse_claim_batch(reply: Sequence[Any]) -> ClaimBatch:
    """Read the claim script's reply."""
    due_in_ms, *entries = reply
    claims = [
        Claim(job_id.decode(), token.decode(), score, payload, RunMode(run_mode.decode()), attempt)
        for job_id, token, score, payload, run_mode, attempt in entries
    ]
    return ClaimBatch(claims, None if due_in_ms < 0 else due_in_ms / 1000)
