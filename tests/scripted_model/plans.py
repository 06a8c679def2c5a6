"""Plans: turn the action for a call into pieces of bytes, each with its time."""

from collections.abc import Callable

from tests.scripted_model.actions import Action, Bytes, Events, Flood, Hang, HttpError, Reset, Slow, Trickle, Truncate
from tests.scripted_model.calls import ANSWERED, Call
from tests.scripted_model.replies import Reply, error_reply, event_reply
from tests.scripted_model.setup import Setup
from tests.scripted_model.wire import Ending, FloodBytes, Piece, Plan

_FLUSH_MS = 15.0
"""Time for bytes to be sent before a reset, which would discard what is still in the buffer."""

_FLOOD_BLOCK = 262_144

MakeReply = Callable[[Action | None], Reply]
"""Makes the answer of an action, or the default answer if the action is no answer."""


def plan_call(call: Call, make_reply: MakeReply, action: Action | None, setup: Setup, latency_ms: float | None) -> Plan:
    """Return the plan for a call; `latency_ms`, if given, takes the place of the one in `setup`."""
    call.fault = action.fault if action else ""
    outcome = f"fault:{call.fault}" if call.fault else ANSWERED
    at_once = isinstance(action, HttpError | Bytes | Flood) or (isinstance(action, Reset) and not action.share)
    if latency_ms is None:
        latency_ms = setup.error_ms if at_once else setup.latency_ms(call)
    if isinstance(action, HttpError):
        reply = error_reply(action)
        return Plan(_whole(reply, latency_ms), "keep", reply.status, call, outcome)
    if isinstance(action, Bytes):
        return Plan((Piece(latency_ms, action.data), Piece(_FLUSH_MS, b"")), "close", 200, call, outcome)
    if isinstance(action, Flood):
        return Plan((Piece(latency_ms, action.head),), "flood", 200, call, outcome, _flood_of(action))
    reply = event_reply(action) if isinstance(action, Events) else make_reply(action)
    pieces, ending = _pieces(action, reply, latency_ms)
    return Plan(pieces, ending, reply.status, call, outcome)


def plan_error(error: HttpError, call: Call | None = None) -> Plan:
    """Return the plan for a request that is rejected."""
    reply = error_reply(error)
    return Plan(_whole(reply, 0), "keep", reply.status, call, f"rejected:{reply.status}")


def plan_reply(reply: Reply) -> Plan:
    """Return the plan for a response outside the script."""
    return Plan(_whole(reply, 0), "keep", reply.status)


def _pieces(action: Action | None, reply: Reply, latency_ms: float) -> tuple[tuple[Piece, ...], Ending]:
    match action:
        case Slow(first_byte_ms=first_byte_ms):
            return _whole(reply, first_byte_ms), "keep"
        case Trickle(total_ms=total_ms, pieces=count):
            return _trickle(reply, latency_ms, total_ms, count), "keep"
        case Truncate(share=share):
            return _cut(reply, latency_ms, share), "close"
        case Hang(share=share):
            return _cut(reply, latency_ms, share), "hang"
        case Reset(share=share):
            return _cut(reply, latency_ms, share), "reset"
        case _:
            return _paced(reply, latency_ms), "keep"


def _flood_of(action: Flood) -> FloodBytes:
    block = action.unit * max(1, _FLOOD_BLOCK // len(action.unit))
    return FloodBytes(block, int(action.total_mb * 1024 * 1024))


def _whole(reply: Reply, latency_ms: float) -> tuple[Piece, ...]:
    return (Piece(latency_ms, b"".join((reply.head, *reply.parts))),)


def _paced(reply: Reply, latency_ms: float) -> tuple[Piece, ...]:
    """Spread the events of a stream evenly over the latency; the head comes with the first."""
    if latency_ms <= 0 or len(reply.parts) == 1:
        return _whole(reply, latency_ms)
    each = latency_ms / len(reply.parts)
    return tuple(Piece(each, part if at else reply.head + part) for at, part in enumerate(reply.parts))


def _trickle(reply: Reply, latency_ms: float, total_ms: float, count: int) -> tuple[Piece, ...]:
    body = b"".join(reply.parts)
    size = -(-len(body) // count) or 1
    slices = [body[at : at + size] for at in range(0, len(body), size)]
    return (Piece(latency_ms, reply.head), *(Piece(total_ms / len(slices), part) for part in slices))


def _cut(reply: Reply, latency_ms: float, share: float) -> tuple[Piece, ...]:
    if share <= 0:
        return (Piece(latency_ms, b""),)
    body = b"".join(reply.parts)
    return Piece(latency_ms, reply.head + body[: int(len(body) * share)]), Piece(_FLUSH_MS, b"")
