"""Requests that are sent again."""

import msgspec


class Idempotency(msgspec.Struct, frozen=True):
    """By what a request that is sent again is known; both are SHA-256 digests.

    `key` is that of the caller's key and the owner, `fingerprint` that of what is asked for.
    """

    key: str
    fingerprint: str
