"""Handover: when a worker returns a queue entry that only a worker of a newer version can handle."""

from datetime import timedelta

_DOUBLINGS = 5  # from one second on


def pause_before_handover(attempt: int) -> timedelta:
    """Return after what time the entry is due again.

    While a release is rolled out, a newer worker should soon get it. After a rollback no worker may know it for days,
    and many such entries must not keep the workers busy.
    """
    return timedelta(seconds=1 << min(attempt - 1, _DOUBLINGS))
