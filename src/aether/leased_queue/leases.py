"""What a worker holds, and what the claim script told it."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from arq.utils import timestamp_ms


class RunMode(Enum):
    """How a claimed job is to be run."""

    PLAIN = "plain"
    HELD = "held"  # a suspect in a busy worker: waits until it is alone
    ALONE = "alone"  # a suspect: nothing may start beside it
    CONDEMNED = "condemned"  # killed a worker while alone: must not run again


@dataclass(slots=True, eq=False)
class Claim:
    """One job in this worker's hands.

    `token` is the fence: the queue obeys orders about the job only from whoever knows the latest one. `score` is its
    place in the queue, which is given back as it came.
    """

    job_id: str
    token: str
    score: bytes
    payload: bytes
    run_mode: RunMode = RunMode.PLAIN
    begun: bool = False  # arq's `run_job` was entered: a try was counted
    started: bool = False  # the job's own function was entered
    lost: bool = False
    settling: bool = False  # its last order is on the way: what the heartbeat finds no longer matters
    task: asyncio.Task[None] | None = None
    taken_at_ms: int = field(default_factory=timestamp_ms)


# Set in the task of each job, so that what arq calls from within finds the claim it acts for; a job id would not do, as
# the same job may be claimed again while its lost run still unwinds.
current_claim: ContextVar[Claim] = ContextVar("current_claim")


@dataclass(frozen=True, slots=True)
class ClaimBatch:
    """The reply to one claim; `due_in_s` is None when nothing waits for its time."""

    claims: list[Claim]
    due_in_s: float | None


def parse_claim_batch(reply: Sequence[Any]) -> ClaimBatch:
    """Read the claim script's reply."""
    due_in_ms, *entries = reply
    claims = [
        Claim(job_id.decode(), token.decode(), score, payload, RunMode(run_mode.decode()))
        for job_id, token, score, payload, run_mode in entries
    ]
    return ClaimBatch(claims, None if due_in_ms < 0 else due_in_ms / 1000)
