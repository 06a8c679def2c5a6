"""Event log: reading a job's events back from its Redis list.

An entry holds the events of one change as a JSON array, behind the version that the last of them created. The first
event of a job is not stored: every job begins with the same one.

A list and not a stream, since a stream takes 4 KiB for its first entry, as much as a short report.
"""

from collections.abc import Iterator, Sequence

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.keys import script
from aether.domain.events import Event, StatusChanged, UnknownEvent
from aether.domain.job import Status
from aether.durable.ports import Replay

_READ = script("read_events")
FIRST_EVENT = (1, StatusChanged(Status.PENDING))

_entry_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_decoder = msgspec.json.Decoder(Event)


async def read_replay(client: Redis, job_id: str, after: int, limit: int) -> Replay:
    """Read up to `limit` events after a version."""
    version, entries = await _READ.run(client, [job_id, after])
    return _parse_replay(int(version or 0), entries, after, limit)


def _parse_replay(version: int, entries: Sequence[bytes], after: int, limit: int) -> Replay:
    """Return the events after a version; `version` is the record's, 0 without a record."""
    events = list(parse_events(entries))
    if version and (not events or events[0][0] == FIRST_EVENT[0] + 1):
        events.insert(0, FIRST_EVENT)
    if after > version or (after < version and (events[0][0] > after + 1 or events[-1][0] <= after)):
        return Replay(gap=True)
    return Replay(tuple([event for event in events if event[0] > after][:limit]))


def parse_events(entries: Sequence[bytes]) -> Iterator[tuple[int, Event]]:
    """Yield the events of these entries, each with the version that it created."""
    last = FIRST_EVENT[0]
    for entry in entries:
        try:
            first, *events = _entry_decoder.decode(entry)
            last = int(bytes(first))
        except (msgspec.DecodeError, ValueError):
            last, events = last + 1, [msgspec.Raw()]
        for version, event in enumerate(events, last - len(events) + 1):
            yield version, _parse_event(event)


def _parse_event(value: msgspec.Raw) -> Event:
    try:
        event: Event = _decoder.decode(value)
    except msgspec.DecodeError:
        return UnknownEvent()
    return event
