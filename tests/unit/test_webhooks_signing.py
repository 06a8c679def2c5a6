from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from aether.domain.webhook import SigningSecret
from aether.webhooks.signing import new_secret, signature_headers

BODY = '{"topic":"Ærøskøbing"}'.encode()


def verify(body: bytes, headers: dict[str, str], secret: str) -> object:
    return Webhook(secret).verify(body, headers)


def test_the_reference_library_accepts_the_signature() -> None:
    secret = new_secret()

    headers = signature_headers("4f9c-7", BODY, datetime.now(UTC), [SigningSecret(secret)])

    assert verify(BODY, headers, secret) == {"topic": "Ærøskøbing"}


def test_every_valid_secret_signs_and_the_newest_comes_first() -> None:
    newer, older = new_secret(), new_secret()

    headers = signature_headers("4f9c-7", BODY, datetime.now(UTC), [SigningSecret(newer), SigningSecret(older)])

    alone = signature_headers(
        "4f9c-7", BODY, datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC), [SigningSecret(newer)]
    )
    assert headers["webhook-signature"].split(" ")[0] == alone["webhook-signature"]
    for secret in (newer, older):
        verify(BODY, headers, secret)


def test_another_secret_body_id_or_timestamp_is_rejected() -> None:
    secret = new_secret()
    headers = signature_headers("4f9c-7", BODY, datetime.now(UTC), [SigningSecret(secret)])
    later = str(int(headers["webhook-timestamp"]) + 1)

    for body, signature, verifying_secret in [
        (BODY, headers, new_secret()),
        (BODY + b" ", headers, secret),
        (BODY, headers | {"webhook-id": "4f9c-8"}, secret),
        (BODY, headers | {"webhook-timestamp": later}, secret),
    ]:
        with pytest.raises(WebhookVerificationError):
            verify(body, signature, verifying_secret)


def test_secrets_are_unique_and_as_long_as_the_specification_requires() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {("whsec_", 32)} == {(secret[:6], len(Webhook(secret)._whsecret)) for secret in secrets}
