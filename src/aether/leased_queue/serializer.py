"""arq's payload as msgpack: a queue that can be written to must not become a way to run code."""

import time
from typing import Any

import msgspec


def _told(value: object) -> str:
    """Write an error as its text: arq keeps what a job raised, and logs a traceback where that cannot be written."""
    if isinstance(value, BaseException):
        return repr(value)
    raise NotImplementedError(f"A payload cannot hold {type(value).__name__}.")


_encoder = msgspec.msgpack.Encoder(enc_hook=_told)
_decoder = msgspec.msgpack.Decoder(dict[str, Any])  # arq's payload is a dict of mixed types

# Bound methods: arq calls them once per job.
encode = _encoder.encode
decode = _decoder.decode


def payload_for(function: str, *args: object) -> bytes:
    """The payload of a job that calls `function` with `args`; in Aether the only argument is the job's id.

    The enqueue time in it is this machine's and only read for log lines; the queue's order is the server's.
    """
    return encode({"t": None, "f": function, "a": args, "k": {}, "et": time.time_ns() // 1_000_000})
