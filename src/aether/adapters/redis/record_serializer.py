"""Record serializer: a job to the fields of its Redis hash and back.

Each step (`step:NAME`) and each failed attempt (`attempt:NAME:NUMBER`) has a field of its own, so that concurrent steps
never write the same field. `event_log` describes the fields of events. Usage and the number of finished steps are
counters. Times set by Redis are milliseconds since the Unix epoch.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from aether.adapters.redis.stored_json import StoredJson
from aether.domain.job import Attempt, Change, Job, Kind, Limits, Problem, Status, Step, Usage, compute_progress
from aether.domain.listing import JobSummary
from aether.domain.webhook import Webhook
from aether.durable.ports import NewJob
from aether.leased_queue.scripts import Argument

_encode = msgspec.json.encode
_step_json = StoredJson(Step)
_attempt_decoder = msgspec.json.Decoder(Attempt)
_limits_json = StoredJson(Limits)
_problem_decoder = msgspec.json.Decoder(Problem | None)


def new_job_fields(job: NewJob) -> dict[str, Argument]:
    """Return the fields that a new job is stored with."""
    return {
        "kind": job.kind,
        "owner": job.owner,
        "input": job.input,
        **({"limits": _limits_json.encode(job.limits)} if job.limits != Limits() else {}),
        **(_webhook_fields(job.webhook) if job.webhook else {}),
        **({"once": job.idempotency.key} if job.idempotency else {}),
        **_planned_steps(job.plan),
    }


@lru_cache(maxsize=256)  # most jobs of a kind start with the same steps
def _planned_steps(plan: tuple[str, ...]) -> Mapping[str, Argument]:
    return {f"step:{name}": _step_json.encode(Step(name, order=order)) for order, name in enumerate(plan)}


def _webhook_fields(webhook: Webhook) -> dict[str, Argument]:
    return {"webhook_url": webhook.url, "webhook_events": encode_words(webhook.events)}


def encode_words(words: Iterable[str]) -> str:
    """Return the words in the form in which scripts search for one: `|completed|failed|`."""
    return "|".join(["", *sorted(words), ""])


def change_fields(change: Change) -> dict[str, Argument]:
    """Return the fields that a change sets. A new status replaces or clears the problem of the previous one."""
    fields: dict[str, Argument] = {f"step:{step.name}": _step_json.encode(step) for step in change.steps}
    fields |= {attempt_field(failed): _encode(failed) for failed in change.attempts}
    if change.total is not None:
        fields["total"] = change.total
    if change.limits is not None:
        fields["limits"] = _limits_json.encode(change.limits)
    if change.status is not None:
        fields["problem"] = _encode(change.problem)
    return fields


def attempt_field(attempt: Attempt) -> str:
    """Return the field that holds a failed attempt."""
    return f"attempt:{attempt.step}:{attempt.attempt}"


def change_counters(change: Change) -> dict[str, Argument]:
    """Return what a change adds to the counters."""
    counters = msgspec.structs.asdict(change.usage)
    return {f"usage:{name}": number for name, number in counters.items() if number}


def parse_hash(flat: Iterable[bytes]) -> dict[bytes, bytes]:
    """Parse a hash as scripts return it: a flat list in which each field is followed by its value."""
    items = iter(flat)
    return dict(zip(items, items, strict=True))


def parse_job(job_id: str, record: Mapping[bytes, bytes], *, to_write: bool = False) -> Job:
    """Parse the record of a job; `to_write` keeps the unknown fields of its steps, which only a run writes back."""
    parse_step = _step_json.decode if to_write else _step_json.read
    usage = {name: int(record.get(b"usage:" + name.encode(), 0)) for name in Usage.__struct_fields__}
    return Job(
        id=job_id,
        kind=Kind(record[b"kind"].decode()),
        owner=record[b"owner"].decode(),
        input=msgspec.Raw(record[b"input"]),
        status=Status(record[b"status"].decode()),
        version=int(record[b"version"]),
        epoch=int(record[b"epoch"]),
        created_at=parse_time(record[b"created_at"]),
        queued_at=parse_time(record[b"queued_at"]),
        updated_at=parse_time(record[b"updated_at"]),
        expires_at=parse_time(record[b"expires_at"]),
        started_at=parse_time(record[b"started_at"]) if b"started_at" in record else None,
        limits=_limits_json.decode(record.get(b"limits", b"{}")),
        total=int(record.get(b"total", 0)),
        steps=tuple(sorted(map(parse_step, _values(b"step:", record)), key=lambda step: step.order)),
        attempts=tuple(sorted(map(_attempt_decoder.decode, _values(b"attempt:", record)), key=lambda each: each.at)),
        usage=Usage(**usage),
        problem=_problem_decoder.decode(record.get(b"problem", b"null")),
    )


def parse_summary(kind: Kind, values: Sequence[bytes | None]) -> JobSummary:
    """Parse a job as `list.lua` returns it."""
    job_id, status_word, request, version, done, total, *times = (value or b"0" for value in values)
    status = Status(status_word.decode())
    progress = compute_progress(status, int(done), int(total))
    return JobSummary(
        job_id.decode(), kind, status, msgspec.Raw(request), int(version), progress, *map(parse_time, times)
    )


def _values(prefix: bytes, record: Mapping[bytes, bytes]) -> Iterable[bytes]:
    return (value for field, value in record.items() if field.startswith(prefix))


def parse_time(milliseconds: bytes) -> datetime:
    """Parse a time that Redis has set."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def to_milliseconds(time: datetime) -> int:
    """Return a time in the form in which Redis has set it."""
    return round(time.timestamp() * 1000)
