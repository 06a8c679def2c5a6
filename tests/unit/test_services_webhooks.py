from datetime import timedelta

import pytest

from aether.domain.webhook import Webhook
from aether.errors import FieldError, RefusedDestinationError
from aether.services.webhooks import Webhooks
from tests.fake_webhooks import MemoryWebhooks


def refuse(_: str) -> None:
    raise RefusedDestinationError("must be mine")


def webhooks() -> Webhooks:
    return Webhooks(MemoryWebhooks(), refuse, lambda: "whsec_one", timedelta(days=1))


@pytest.mark.parametrize("limit", [-1, 0, 101])
async def test_the_page_size_is_limited(limit: int) -> None:
    with pytest.raises(FieldError, match=r"limit: must be at least 1 and at most 100"):
        await webhooks().deliveries("ada", None, None, limit)


def test_a_refused_url_raises_a_field_error_for_its_field() -> None:
    with pytest.raises(FieldError) as broken:
        webhooks().validate(Webhook("https://example.com/"), "webhook.url")

    assert (broken.value.field, broken.value.rule) == ("webhook.url", "must be mine")
