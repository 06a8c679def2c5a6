"""Idempotency of requests: how a repeated request is recognised."""

import msgspec


class Idempotency(msgspec.Struct, frozen=True):
    """Identifies a request; both fields are SHA-256 digests.

    `key` is the digest of the idempotency key and the owner, `fingerprint` the digest of the request's content.
    """

    key: str
    fingerprint: str
