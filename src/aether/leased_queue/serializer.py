"""Serializer of arq's payloads: msgpack, so that whoever can write to the queue cannot run code, as with pickle."""

import time
from typing import Any

import msgspec


def _encode_error(value: object) -> str:
    """Encode an error as text: arq stores what a job raised, and logs a traceback if that cannot be encoded."""
    if isinstance(value, BaseException):
        return repr(value)
    raise NotImplementedError(f"A payload cannot hold {type(value).__name__}.")


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_error)
_decoder = msgspec.msgpack.Decoder(dict[str, Any])  # arq's payload is a dict of mixed types

# Bound methods: arq calls them once per job.
encode = _encoder.encode
decode = _decoder.decode


def payload_for(function: str, *args: object) -> bytes:
    """Return the payload of a job that calls `function` with `args`.

    The enqueue time in it is this machine's, and only used in log lines; the queue goes by the server's time.
    """
    return encode({"t": None, "f": function, "a": args, "k": {}, "et": time.time_ns() // 1_000_000})
