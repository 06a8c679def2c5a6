"""Event log: reading a job's events back from its Redis stream, where an entry's id is the job's version."""

from collections.abc import Mapping, Sequence

import msgspec

from aether.domain.events import Event, UnknownEvent
from aether.durable.ports import Replay

Entry = tuple[bytes, Mapping[bytes, bytes]]

_decoder = msgspec.json.Decoder(Event)


def first_entry_id(after: int) -> str:
    """Return the id at which to start reading what follows a version.

    It is the version's own: if that entry is there, nothing after it has been trimmed.
    """
    return f"{after}-0"


def parse_replay(entries: Sequence[Entry], after: int, limit: int) -> Replay:
    """Return the events of the entries read from `first_entry_id` on."""
    versions = [int(entry_id.partition(b"-")[0]) for entry_id, _ in entries]
    if (after and not versions) or (versions and versions[0] > after + 1):
        return Replay(gap=True)
    following = [(version, entry) for version, (_, entry) in zip(versions, entries, strict=True) if version > after]
    return Replay(tuple((version, _parse_event(entry)) for version, entry in following[:limit]))


def _parse_event(entry: Mapping[bytes, bytes]) -> Event:
    try:
        event: Event = _decoder.decode(entry.get(b"event", b""))
    except msgspec.DecodeError:
        return UnknownEvent()
    return event
