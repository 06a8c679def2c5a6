"""How a job's events stand in its stream."""

from collections.abc import Mapping, Sequence

import msgspec

from aether.domain.events import Event
from aether.durable.ports import Replay

Entry = tuple[bytes, Mapping[bytes, bytes]]

_event = msgspec.json.Decoder(Event)


def oldest_wanted(after: int) -> str:
    """Return the id from which to read what follows a version: its own, whose presence proves the cursor."""
    return f"{after}-0"


def replay_of(entries: Sequence[Entry], after: int, limit: int) -> Replay:
    """Tell the entries from `oldest_wanted` on; one of a kind that is not known yet leaves a gap."""
    versions = [int(entry_id.partition(b"-")[0]) for entry_id, _ in entries]
    if (after and not versions) or (versions and versions[0] > after + 1):
        return Replay(gap=True)
    following = [(version, entry) for version, (_, entry) in zip(versions, entries, strict=True) if version > after]
    try:
        return Replay(tuple((version, _event.decode(entry[b"event"])) for version, entry in following[:limit]))
    except msgspec.ValidationError:
        return Replay(gap=True)
