"""Jobs cancelled over HTTP at any moment of their lives."""

import time
from collections.abc import Sequence
from http import HTTPStatus

import httpx2
import msgspec

from aether.domain.job import Status
from tests.chaos.api import api_of
from tests.chaos.evidence import History
from tests.chaos.trial import Trial

_SILENT_AFTER_S = 1.0
_LIFE_S = 1.6


class _Cancel(msgspec.Struct, frozen=True):
    job_id: str
    at: float
    answered: float
    status: int


def cancels(trial: Trial) -> None:
    """A cancelled job makes no call after a second; a race with its completion has one winner."""
    with trial.fleet(trial.setup(section_ms=500), workers=trial.size.workers) as fleet, api_of(fleet) as http:
        due = []
        for number in range(trial.size.jobs):
            job_id = _submit(http, f"cancel {number}")
            fleet.load.accepted[job_id] = ""
            due.append((time.monotonic() + trial.random.uniform(0, _LIFE_S), job_id))
        cancelled = []
        for at, job_id in sorted(due):
            time.sleep(max(0.0, at - time.monotonic()))
            cancelled.append(_cancel(http, job_id))
        found = trial.settle(fleet, ends={Status.COMPLETED, Status.CANCELLED})
        by_id = {history.job.id: history for history in found}
        trial.judge_none("answers that the final status belies", _belied(by_id, cancelled))
        _judge_silence(trial, by_id, cancelled)


def _judge_silence(trial: Trial, by_id: dict[str, History], cancelled: Sequence[_Cancel]) -> None:
    won = [cancel for cancel in cancelled if by_id[cancel.job_id].job.status is Status.CANCELLED]
    ends = [
        (call.finished or float("inf")) - cancel.answered
        for cancel in won
        for call in by_id[cancel.job_id].calls
        if (call.finished or float("inf")) > cancel.answered
    ]
    begins = [
        call.started - cancel.answered
        for cancel in won
        for call in by_id[cancel.job_id].calls
        if call.started > cancel.answered
    ]
    trial.judge("cancelled in time", "–", f"{len(won)} of {len(cancelled)}", holds=None)
    trial.judge_times("calls end after a cancel", ends, most_s=_SILENT_AFTER_S)
    trial.judge_times("calls begin after a cancel", begins, most_s=_SILENT_AFTER_S)


def _belied(by_id: dict[str, History], cancelled: Sequence[_Cancel]) -> list[str]:
    wanted = {HTTPStatus.OK: Status.CANCELLED, HTTPStatus.CONFLICT: Status.COMPLETED}
    return [
        f"{cancel.job_id}: answered {cancel.status}, is {by_id[cancel.job_id].job.status}"
        for cancel in cancelled
        if wanted.get(HTTPStatus(cancel.status)) is not by_id[cancel.job_id].job.status
    ]


def _submit(http: httpx2.Client, topic: str) -> str:
    answer = http.post("/reports", json={"topic": topic, "sections": 6})
    answer.raise_for_status()
    job_id: str = answer.json()["jobId"]
    return job_id


def _cancel(http: httpx2.Client, job_id: str) -> _Cancel:
    at = time.monotonic()
    answer = http.post(f"/reports/{job_id}/cancel")
    return _Cancel(job_id, at, time.monotonic(), answer.status_code)
