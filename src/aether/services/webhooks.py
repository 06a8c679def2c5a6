"""Webhook use cases: an owner's endpoint, signing secrets and deliveries, and the store they are kept in."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from aether.domain.webhook import (
    Delivery,
    DeliveryAttempt,
    DeliveryPage,
    DeliveryStatus,
    Endpoint,
    SigningSecret,
    Webhook,
)
from aether.errors import FieldError, NoEndpointError, RefusedDestinationError, UnknownDeliveryError
from aether.services.pagination import read_page


class WebhookStore(Protocol):
    """Stores endpoints, signing secrets and deliveries; each expires some time after it was last used.

    Deliveries are not created here: the `JobStore` creates a delivery in the transaction that ends the job, and queues
    its first attempt. All methods raise StoreUnavailableError while the store cannot be reached.
    """

    async def now(self) -> datetime:
        """Return the time of the store."""
        ...

    async def endpoint(self, owner: str) -> Endpoint | None:
        """Return the owner's endpoint, which serves jobs that name no webhook; None if none is set."""
        ...

    async def set_endpoint(self, owner: str, webhook: Webhook) -> None:
        """Set the endpoint, replacing the current or disabled one."""
        ...

    async def remove_endpoint(self, owner: str) -> None:
        """Remove the endpoint."""
        ...

    async def secrets(self, owner: str, new: str) -> tuple[SigningSecret, ...]:
        """Return the owner's valid secrets, the newest first; if there are none, `new` becomes the first."""
        ...

    async def rotate(self, owner: str, new: str, overlap: timedelta) -> tuple[SigningSecret, ...]:
        """Make `new` the current secret; a few of the previous ones stay valid for up to `overlap`."""
        ...

    async def load(self, delivery_id: str, owner: str | None = None) -> Delivery | None:
        """Return the delivery; None if there is none (any more), or if it belongs to another owner.

        Looking up another owner's delivery takes as long as a missing one.
        """
        ...

    async def list(
        self, owner: str, status: DeliveryStatus | None, job_id: str | None, limit: int, before: str | None = None
    ) -> DeliveryPage:
        """Return a page of the owner's deliveries, newest first, filtered by status and job unless None.

        `before` is the `next` of the previous page. A delivery's place in the list never changes.
        """
        ...

    async def record(
        self, delivery: Delivery, attempt: DeliveryAttempt, wait: float | None, *, disable: bool = False
    ) -> bool:
        """Store an attempt with the delivery's new URL and status, and queue the next attempt after `wait` seconds.

        Both or neither. Returns False if this was not the next attempt, or the delivery is gone. `disable` disables the
        owner's endpoint, unless its URL was changed in the meantime.
        """
        ...

    async def replay(self, delivery_id: str) -> bool:
        """Queue an attempt of an ended delivery at once, with a new retry schedule; False if the delivery is gone.

        A pending delivery is left unchanged.
        """
        ...


class Webhooks:
    """The webhooks of all owners; each method acts on one owner's, and treats another's delivery as missing.

    `check` raises RefusedDestinationError for URLs that the SSRF policy forbids, as far as it can tell without a DNS
    lookup. `new_secret` generates signing secrets. Every method but `validate` raises StoreUnavailableError while the
    store is unavailable.
    """

    def __init__(
        self, store: WebhookStore, check: Callable[[str], object], new_secret: Callable[[], str], overlap: timedelta
    ) -> None:
        self._store = store
        self._check = check
        self._new_secret = new_secret
        self._overlap = overlap

    def validate(self, webhook: Webhook, field: str = "url") -> Webhook:
        """Return the webhook if its URL is allowed.

        Raises:
            FieldError: names `field` and the rule that the URL breaks.
        """
        try:
            self._check(webhook.url)
        except RefusedDestinationError as error:
            raise FieldError(field, error.rule) from error
        return webhook

    async def endpoint(self, owner: str) -> Endpoint:
        """Return the owner's endpoint.

        Raises:
            NoEndpointError: none is set.
        """
        endpoint = await self._store.endpoint(owner)
        if endpoint is None:
            raise NoEndpointError
        return endpoint

    async def set_endpoint(self, owner: str, webhook: Webhook) -> Endpoint:
        """Set the owner's endpoint.

        Raises:
            FieldError: its URL is not allowed.
        """
        await self._store.set_endpoint(owner, self.validate(webhook))
        return await self.endpoint(owner)

    async def remove_endpoint(self, owner: str) -> None:
        """Remove the owner's endpoint, if one is set."""
        await self._store.remove_endpoint(owner)

    async def secrets(self, owner: str) -> tuple[SigningSecret, ...]:
        """Return the valid secrets, at least one, newest first."""
        return await self._store.secrets(owner, self._new_secret())

    async def rotate(self, owner: str) -> tuple[SigningSecret, ...]:
        """Generate a new current secret; return all valid secrets, newest first."""
        return await self._store.rotate(owner, self._new_secret(), self._overlap)

    async def delivery(self, owner: str, delivery_id: str) -> Delivery:
        """Return the delivery.

        Raises:
            UnknownDeliveryError: the owner has none of this id.
        """
        delivery = await self._store.load(delivery_id, owner)
        if delivery is None:
            raise UnknownDeliveryError(delivery_id)
        return delivery

    async def deliveries(
        self, owner: str, status: DeliveryStatus | None, job_id: str | None, limit: int, cursor: str | None = None
    ) -> DeliveryPage:
        """Return a page of deliveries as `WebhookStore.list` promises; `cursor` is the `next` of the previous page.

        Raises:
            FieldError: `limit` is out of bounds, or `cursor` is not from a page.
        """
        return await read_page(lambda before: self._store.list(owner, status, job_id, limit, before), limit, cursor)

    async def replay(self, owner: str, delivery_id: str) -> Delivery:
        """Queue an ended delivery for another attempt at once, and return it.

        Raises:
            UnknownDeliveryError: the owner has none of this id.
        """
        await self.delivery(owner, delivery_id)
        await self._store.replay(delivery_id)
        return await self.delivery(owner, delivery_id)
