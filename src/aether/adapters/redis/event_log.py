"""Event log: reading a job's events back from its record.

The field `event:VERSION` holds, as a JSON array, the events of the change that ended with this version. The first event
of a job is not stored, since every job begins with the same one. Of an attempt that failed only the name of its own
field is stored.
"""

from collections.abc import Iterator, Mapping

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.keys import EVENT_FIELD, script
from aether.adapters.redis.record_serializer import attempt_field, parse_hash
from aether.domain.events import AttemptFailed, Event, StatusChanged, UnknownEvent
from aether.domain.job import Attempt, Status
from aether.durable.ports import Replay

_READ = script("read_events")
FIRST_EVENT = (1, StatusChanged(Status.PENDING))
_PREFIX = EVENT_FIELD.encode()


class _AttemptField(msgspec.Struct, frozen=True, tag_field="event", tag="failed"):
    """A failed attempt as it is stored."""

    field: str


_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_decoder: msgspec.json.Decoder[Event | _AttemptField] = msgspec.json.Decoder(Event | _AttemptField)
_attempt_decoder = msgspec.json.Decoder(Attempt)


def encode_event(event: Event) -> bytes:
    """Return an event as it is stored."""
    if isinstance(event, AttemptFailed):
        return msgspec.json.encode(_AttemptField(attempt_field(event.attempt)))
    return msgspec.json.encode(event)


async def read_replay(client: Redis, job_id: str, after: int, limit: int) -> Replay:
    """Read up to `limit` events after a version."""
    version, *fields = await _READ.run(client, [job_id, after])
    return _parse_replay(int(version or 0), parse_hash(fields), after, limit)


def _parse_replay(version: int, record: Mapping[bytes, bytes], after: int, limit: int) -> Replay:
    """Return the events after a version; `version` is the record's, 0 without a record."""
    events = [FIRST_EVENT, *parse_events(record)] if version and not after else list(parse_events(record))
    following = [event for event in events if event[0] > after]
    if [at for at, _ in following] != list(range(after + 1, version + 1)) or after > version:
        return Replay(gap=True)
    return Replay(tuple(following[:limit]))


def parse_events(record: Mapping[bytes, bytes]) -> Iterator[tuple[int, Event]]:
    """Yield the events that these fields of a record hold, each with the version that it created."""
    entries = {int(field[len(_PREFIX) :]): value for field, value in record.items() if field.startswith(_PREFIX)}
    for last, entry in sorted(entries.items()):
        try:
            events = _list_decoder.decode(entry)
        except msgspec.DecodeError:
            events = [msgspec.Raw()]
        for version, event in enumerate(events, last - len(events) + 1):
            yield version, _parse_event(event, record)


def _parse_event(value: msgspec.Raw, record: Mapping[bytes, bytes]) -> Event:
    try:
        event = _decoder.decode(value)
        if isinstance(event, _AttemptField):
            return AttemptFailed(_attempt_decoder.decode(record.get(event.field.encode(), b"")))
    except msgspec.DecodeError:
        return UnknownEvent()
    return event
