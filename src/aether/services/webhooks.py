"""What owners can do with webhooks, and what that needs from outside."""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from aether.domain.webhook import Delivery, DeliveryPage, DeliveryStatus, Endpoint, SigningSecret, Try, Webhook
from aether.errors import FieldError, NoEndpointError, RefusedDestinationError, UnknownDeliveryError
from aether.services.pagination import read_page


class WebhookStore(Protocol):
    """Where endpoints, their secrets and all deliveries are kept; each expires a time after it was last of use.

    Deliveries are not made here: a job's end makes its own in the same stroke, in the `JobStore`, and queues the first
    try. All methods raise StoreUnavailableError while the store cannot be reached.
    """

    async def endpoint(self, owner: str) -> Endpoint | None:
        """Return where the owner wants to be told of jobs that name no webhook of their own."""
        ...

    async def set_endpoint(self, owner: str, webhook: Webhook) -> None:
        """Set it, in the place of one that is set, or disabled."""
        ...

    async def remove_endpoint(self, owner: str) -> None:
        """Forget it."""
        ...

    async def secrets(self, owner: str, fresh: str) -> tuple[SigningSecret, ...]:
        """Return the owner's valid secrets, the newest first; without any, `fresh` becomes the first."""
        ...

    async def rotate(self, owner: str, fresh: str, overlap: timedelta) -> tuple[SigningSecret, ...]:
        """Make `fresh` the secret; those before stay valid for this long at most, and no more than a few of them."""
        ...

    async def load(self, delivery_id: str, owner: str | None = None) -> Delivery | None:
        """Return the delivery as it stands, or None if there is none (any more), or none of the owner's.

        Another owner's costs no more than none at all.
        """
        ...

    async def list(
        self, owner: str, status: DeliveryStatus | None, job_id: str | None, limit: int, before: str | None = None
    ) -> DeliveryPage:
        """Return the owner's deliveries of this status and job, or of any, newest first.

        `before` is the `next` of the page before; a delivery keeps its place for as long as it exists.
        """
        ...

    async def record(self, tried: Delivery, latest: Try, wait: float | None, *, disable: bool = False) -> bool:
        """Keep the latest try of a delivery that is now `tried`, and queue the next one after `wait` seconds.

        Both or neither; False if it was not the try that was awaited, or the delivery is gone. To `disable` is to
        disable the endpoint, unless another address was set in the meantime.
        """
        ...

    async def replay(self, delivery_id: str) -> bool:
        """Queue a delivery that has ended for a try at once, with a new schedule; False if it is gone.

        One that is still to be tried is left as it is.
        """
        ...


class Webhooks:
    """The webhooks of all owners, seen by one at a time: another's delivery is as unknown as one that never was.

    `check` refuses the addresses that must not be called, as far as that can be told without a look at their names, by
    RefusedDestinationError; `fresh` makes secrets. Every method but `heed` raises StoreUnavailableError while the store
    is away.
    """

    def __init__(
        self, store: WebhookStore, check: Callable[[str], object], fresh: Callable[[], str], overlap: timedelta
    ) -> None:
        self._store = store
        self._check = check
        self._fresh = fresh
        self._overlap = overlap

    def heed(self, webhook: Webhook, field: str = "url") -> Webhook:
        """Return a webhook that may be used.

        Raises:
            FieldError: names `field` and the rule that its address breaks.
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
        """Tell of the owner's jobs there from now on.

        Raises:
            FieldError: its address is refused.
        """
        await self._store.set_endpoint(owner, self.heed(webhook))
        return await self.endpoint(owner)

    async def remove_endpoint(self, owner: str) -> None:
        """Tell of them nowhere, unless a job names a webhook of its own; without an endpoint this changes nothing."""
        await self._store.remove_endpoint(owner)

    async def secrets(self, owner: str) -> tuple[SigningSecret, ...]:
        """Return the valid secrets, at least one, the newest first."""
        return await self._store.secrets(owner, self._fresh())

    async def rotate(self, owner: str) -> tuple[SigningSecret, ...]:
        """Put a new secret in front of the others, and return them."""
        return await self._store.rotate(owner, self._fresh(), self._overlap)

    async def delivery(self, owner: str, delivery_id: str) -> Delivery:
        """Return the delivery as it stands.

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
        """Return a page of deliveries as `WebhookStore.list` promises; `cursor` is the `next` of the page before.

        Raises:
            FieldError: `limit` is out of bounds, or no page has given this `cursor`.
        """
        return await read_page(lambda before: self._store.list(owner, status, job_id, limit, before), limit, cursor)

    async def replay(self, owner: str, delivery_id: str) -> Delivery:
        """Have a delivery tried again at once, however it ended, and return it.

        Raises:
            UnknownDeliveryError: the owner has none of this id.
        """
        await self.delivery(owner, delivery_id)
        await self._store.replay(delivery_id)
        return await self.delivery(owner, delivery_id)
