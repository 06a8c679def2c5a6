"""How a job stands in its Redis hash, in both directions.

One field for each step (`step:NAME`) and each failed attempt (`attempt:NAME:NUMBER`), so that concurrent steps never
write the same field; counters for the usage and the finished steps; the rest one field each. Times that Redis sets are
milliseconds of the Unix epoch.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from aether.adapters.redis.stored_json import StoredJson
from aether.domain.job import Attempt, Change, Job, Kind, Limits, Problem, Status, Step, Usage, progress_of
from aether.domain.listing import JobSummary
from aether.domain.webhook import Webhook
from aether.durable.ports import NewJob
from aether.leased_queue.scripts import Argument

_encode = msgspec.json.encode
_step = StoredJson(Step)
_attempt = msgspec.json.Decoder(Attempt)
_limits = StoredJson(Limits)
_problem = msgspec.json.Decoder(Problem | None)


def fields_of_new(job: NewJob) -> dict[str, Argument]:
    """What a job is stored with at first."""
    steps = {f"step:{name}": _step.encode(Step(name, order=at)) for at, name in enumerate(job.plan)}
    return {
        "kind": job.kind,
        "owner": job.owner,
        "input": job.input,
        "limits": _limits.encode(job.limits),
        **(fields_of_webhook(job.webhook) if job.webhook else {}),
        **({"once": job.idempotency.key} if job.idempotency else {}),
        **steps,
    }


def fields_of_webhook(webhook: Webhook) -> dict[str, Argument]:
    """How a record names whom to tell of its end."""
    return {"webhook_url": webhook.url, "webhook_events": listed_words(webhook.events)}


def listed_words(words: Iterable[str]) -> str:
    """Write words as scripts look for them: `|completed|failed|`."""
    return "|".join(["", *sorted(words), ""])


def fields_of(change: Change) -> dict[str, Argument]:
    """What a change sets; a new status takes the problem of the one before away."""
    fields: dict[str, Argument] = {f"step:{step.name}": _step.encode(step) for step in change.steps}
    fields |= {f"attempt:{failed.step}:{failed.attempt}": _encode(failed) for failed in change.attempts}
    if change.total is not None:
        fields["total"] = change.total
    if change.limits is not None:
        fields["limits"] = _limits.encode(change.limits)
    if change.status is not None:
        fields["problem"] = _encode(change.problem)
    return fields


def counts_of(change: Change) -> dict[str, Argument]:
    """What a change adds to counters."""
    counted = msgspec.structs.asdict(change.usage)
    return {f"usage:{name}": number for name, number in counted.items() if number}


def paired(flat: Iterable[bytes]) -> dict[bytes, bytes]:
    """Read a hash as scripts tell it: each field, and behind it its value."""
    each = iter(flat)
    return dict(zip(each, each, strict=True))


def job_of(job_id: str, record: Mapping[bytes, bytes], *, to_write: bool = False) -> Job:
    """Read a record; `to_write` keeps the unknown fields of its steps, which only a run writes back."""
    decode_step = _step.decode if to_write else _step.read
    usage = {name: int(record.get(b"usage:" + name.encode(), 0)) for name in Usage.__struct_fields__}
    return Job(
        id=job_id,
        kind=Kind(record[b"kind"].decode()),
        owner=record[b"owner"].decode(),
        input=msgspec.Raw(record[b"input"]),
        status=Status(record[b"status"].decode()),
        version=int(record[b"version"]),
        epoch=int(record[b"epoch"]),
        created_at=moment(record[b"created_at"]),
        queued_at=moment(record[b"queued_at"]),
        updated_at=moment(record[b"updated_at"]),
        expires_at=moment(record[b"expires_at"]),
        started_at=moment(record[b"started_at"]) if b"started_at" in record else None,
        limits=_limits.decode(record.get(b"limits", b"{}")),
        total=int(record.get(b"total", 0)),
        steps=tuple(sorted(map(decode_step, _under(b"step:", record)), key=lambda step: step.order)),
        attempts=tuple(sorted(map(_attempt.decode, _under(b"attempt:", record)), key=lambda failed: failed.at)),
        usage=Usage(**usage),
        problem=_problem.decode(record.get(b"problem", b"null")),
    )


def entry_of(kind: Kind, listed: Sequence[bytes | None]) -> JobSummary:
    """Read what `list.lua` tells of a job."""
    job_id, stands, given, version, done, total, *times = (value or b"0" for value in listed)
    status = Status(stands.decode())
    progress = progress_of(status, int(done), int(total))
    return JobSummary(job_id.decode(), kind, status, msgspec.Raw(given), int(version), progress, *map(moment, times))


def _under(prefix: bytes, record: Mapping[bytes, bytes]) -> Iterable[bytes]:
    return (value for field, value in record.items() if field.startswith(prefix))


def moment(written: bytes) -> datetime:
    """Read a time that Redis has set."""
    return datetime.fromtimestamp(int(written) / 1000, UTC)


def milliseconds(time: datetime) -> int:
    """Write a time as Redis has set it."""
    return round(time.timestamp() * 1000)
