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
async def test_a_page_has_its_limits(limit: int) -> None:
    with pytest.raises(FieldError, match=r"limit: must be at least 1 and at most 100"):
        await webhooks().deliveries("ada", None, None, limit)


def test_a_refused_address_is_a_broken_rule_of_the_field_that_named_it() -> None:
    with pytest.raises(FieldError) as broken:
        webhooks().heed(Webhook("https://example.com/"), "webhook.url")

    assert (broken.value.field, broken.value.rule) == ("webhook.url", "must be mine")
