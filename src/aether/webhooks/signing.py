"""Signing of webhook requests, as specified by Standard Webhooks."""

import secrets
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook as Signer

from aether.domain.webhook import SigningSecret

_PREFIX = "whsec_"
_SECRET_BYTES = 32  # the specification asks for 24 to 64


def new_secret() -> str:
    """Generate a random signing secret."""
    return _PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature_headers(
    delivery_id: str, body: bytes, at: datetime, signing_secrets: Iterable[SigningSecret]
) -> dict[str, str]:
    """Return the headers with which a receiver that knows one of the secrets verifies the body and its age."""
    signatures = (Signer(secret.value).sign(delivery_id, at, body.decode()) for secret in signing_secrets)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
