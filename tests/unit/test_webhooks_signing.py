from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from aether.domain.webhook import SigningSecret
from aether.webhooks.signing import new_secret, signed

BODY = '{"topic":"Ærøskøbing"}'.encode()


def verified(body: bytes, headers: dict[str, str], secret: str) -> object:
    return Webhook(secret).verify(body, headers)


def test_the_reference_library_accepts_what_is_signed() -> None:
    secret = new_secret()

    headers = signed("4f9c-7", BODY, datetime.now(UTC), [SigningSecret(secret)])

    assert verified(BODY, headers, secret) == {"topic": "Ærøskøbing"}


def test_each_valid_secret_signs_the_newest_first() -> None:
    newer, older = new_secret(), new_secret()

    headers = signed("4f9c-7", BODY, datetime.now(UTC), [SigningSecret(newer), SigningSecret(older)])

    alone = signed(
        "4f9c-7", BODY, datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC), [SigningSecret(newer)]
    )
    assert headers["webhook-signature"].split(" ")[0] == alone["webhook-signature"]
    for secret in (newer, older):
        verified(BODY, headers, secret)


def test_another_secret_body_id_or_time_is_not_accepted() -> None:
    secret = new_secret()
    headers = signed("4f9c-7", BODY, datetime.now(UTC), [SigningSecret(secret)])
    later = str(int(headers["webhook-timestamp"]) + 1)

    for body, given, by in [
        (BODY, headers, new_secret()),
        (BODY + b" ", headers, secret),
        (BODY, headers | {"webhook-id": "4f9c-8"}, secret),
        (BODY, headers | {"webhook-timestamp": later}, secret),
    ]:
        with pytest.raises(WebhookVerificationError):
            verified(body, given, by)


def test_no_two_secrets_are_the_same_and_each_is_as_long_as_the_specification_asks() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {("whsec_", 32)} == {(secret[:6], len(Webhook(secret)._whsecret)) for secret in secrets}
