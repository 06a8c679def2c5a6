"""Signatures as Standard Webhooks has them, which any of its libraries verifies."""

import secrets
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook as Signer

from aether.domain.webhook import SigningSecret

_PREFIX = "whsec_"
_SECRET_BYTES = 32  # the specification asks for 24 to 64


def new_secret() -> str:
    """Return a secret that nobody can guess."""
    return _PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed(delivery_id: str, body: bytes, at: datetime, by: Iterable[SigningSecret]) -> dict[str, str]:
    """Return the headers that prove to whoever knows one of the secrets that the body is ours, and not old."""
    signatures = (Signer(secret.value).sign(delivery_id, at, body.decode()) for secret in by)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
