"""Event log: how the events of a job are read from its Redis stream."""

from collections.abc import Mapping, Sequence

import msgspec

from aether.domain.events import Event, UnknownEvent
from aether.durable.ports import Replay

Entry = tuple[bytes, Mapping[bytes, bytes]]

_event = msgspec.json.Decoder(Event)


def oldest_wanted(after: int) -> str:
    """Return the id from which to read what follows a version: its own, whose presence proves the cursor."""
    return f"{after}-0"


def replay_of(entries: Sequence[Entry], after: int, limit: int) -> Replay:
    """Return the events that the entries from `oldest_wanted` on hold."""
    versions = [int(entry_id.partition(b"-")[0]) for entry_id, _ in entries]
    if (after and not versions) or (versions and versions[0] > after + 1):
        return Replay(gap=True)
    following = [(version, entry) for version, (_, entry) in zip(versions, entries, strict=True) if version > after]
    return Replay(tuple((version, _event_in(entry)) for version, entry in following[:limit]))


def _event_in(entry: Mapping[bytes, bytes]) -> Event:
    try:
        event: Event = _event.decode(entry.get(b"event", b""))
    except msgspec.DecodeError:
        return UnknownEvent()
    return event
