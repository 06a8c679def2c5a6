"""Event log: reading a job's events back from its Redis stream.

An entry holds the events of one change, in the fields `event`, `event2`, `event3`…, and its id is the version that the
last of them created. The first event of a job is not stored: every job begins with the same one.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from aether.domain.events import Event, StatusChanged, UnknownEvent
from aether.domain.job import Status
from aether.durable.ports import Replay

Entry = tuple[bytes, Mapping[bytes, bytes]]

_FIRST = (1, StatusChanged(Status.PENDING))

_decoder = msgspec.json.Decoder(Event)


def first_entry_id(after: int) -> str:
    """Return the id at which to start reading what follows a version.

    It is the version's own: if that entry is there, nothing after it has been trimmed.
    """
    return f"{after}-0"


def parse_replay(entries: Sequence[Entry], version: int, after: int, limit: int) -> Replay:
    """Return the events of the entries read from `first_entry_id` on; `version` is the record's, 0 without a record."""
    events = [event for entry in entries for event in _parse_entry(entry)]
    if version and (not events or events[0][0] == _FIRST[0] + 1):
        events.insert(0, _FIRST)
    if after > version or (after < version and (events[0][0] > after + 1 or events[-1][0] <= after)):
        return Replay(gap=True)
    return Replay(tuple([event for event in events if event[0] > after][:limit]))


def _parse_entry(entry: Entry) -> Iterator[tuple[int, Event]]:
    entry_id, fields = entry
    last = int(entry_id.partition(b"-")[0])
    for version, (name, value) in enumerate(fields.items(), last - len(fields) + 1):
        yield version, _parse_event(value) if name.startswith(b"event") else UnknownEvent()


def _parse_event(value: bytes) -> Event:
    try:
        event: Event = _decoder.decode(value)
    except msgspec.DecodeError:
        return UnknownEvent()
    return event
