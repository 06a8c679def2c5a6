"""Webhooks on Redis: a hash for each endpoint and each delivery, whose tries are entries of a queue of their own.

`deliveries.lua` says how deliveries are listed; `commit.lua` makes them, in the script that ends their job.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.keys import DELIVER, ENDPOINT, ENDPOINT_MS, script
from aether.adapters.redis.record_serializer import listed_words, moment, paired
from aether.adapters.redis.store import reaching_redis
from aether.domain.job import Kind, Status
from aether.domain.webhook import (
    Delivery,
    DeliveryAttempt,
    DeliveryPage,
    DeliveryStatus,
    Endpoint,
    SigningSecret,
    Webhook,
)
from aether.leased_queue.scripts import Argument
from aether.leased_queue.serializer import payload_for

_LIBRARIES = ("index", "deliveries")
_LIST = script("list_deliveries", *_LIBRARIES)
_LOAD = script("load_delivery")
_RECORD = script("record_try", *_LIBRARIES)
_REPLAY = script("replay_delivery", *_LIBRARIES)
_SECRETS = script("secrets")

_attempt_decoder = msgspec.json.Decoder(DeliveryAttempt)


class RedisWebhooks:
    """The `WebhookStore` for production; `client` must not decode responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def endpoint(self, owner: str) -> Endpoint | None:
        """Read the hash."""
        with reaching_redis():
            # redis-py types the answers of its two kinds of client as one.
            fields: dict[bytes, bytes] = await self._client.hgetall(ENDPOINT + owner)  # type: ignore[misc]
        if not fields:
            return None
        events = frozenset(Status(word) for word in fields[b"events"].decode().split("|") if word)
        disabled_at = moment(fields[b"disabled_at"]) if b"disabled_at" in fields else None
        return Endpoint(Webhook(fields[b"url"].decode(), events), disabled_at)

    async def set_endpoint(self, owner: str, webhook: Webhook) -> None:
        """Replace the hash."""
        key = ENDPOINT + owner
        with reaching_redis():
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.delete(key)
                pipeline.hset(key, mapping={"url": webhook.url, "events": listed_words(webhook.events)})
                pipeline.pexpire(key, ENDPOINT_MS)
                await pipeline.execute()

    async def remove_endpoint(self, owner: str) -> None:
        """Delete the hash."""
        with reaching_redis():
            await self._client.delete(ENDPOINT + owner)

    async def secrets(self, owner: str, fresh: str) -> tuple[SigningSecret, ...]:
        """Read those that are valid."""
        return await self._secrets(owner, fresh, "")

    async def rotate(self, owner: str, fresh: str, overlap: timedelta) -> tuple[SigningSecret, ...]:
        """Put a new one first."""
        return await self._secrets(owner, fresh, _milliseconds(overlap.total_seconds()))

    async def load(self, delivery_id: str, owner: str | None = None) -> Delivery | None:
        """Read the hash."""
        with reaching_redis():
            fields = paired(await _LOAD.run(self._client, [delivery_id, *([] if owner is None else [owner])]))
        return _delivery_of(delivery_id, fields) if fields else None

    async def list(
        self, owner: str, status: DeliveryStatus | None, job_id: str | None, limit: int, before: str | None = None
    ) -> DeliveryPage:
        """Read the list until the page is full and one delivery more is found, so that there is a next page."""
        found: tuple[Delivery, ...] = ()
        position: str | bytes | None = before or ""
        with reaching_redis():
            while position is not None and len(found) <= limit:
                wanted = limit + 1 - len(found)
                arguments = [owner, status or "", job_id or "", wanted, position]
                position, *listed = await _LIST.run(self._client, arguments)
                found += tuple(_delivery_of(each.decode(), paired(fields)) for each, *fields in listed)
        return DeliveryPage(found[:limit], found[limit - 1].sort_key if len(found) > limit else None)

    async def record(
        self, delivery: Delivery, attempt: DeliveryAttempt, wait: float | None, *, disable: bool = False
    ) -> bool:
        """Write the try and what it makes of the delivery, and queue the next."""
        pause = "" if wait is None else _milliseconds(wait)
        arguments: Sequence[Argument] = [
            delivery.id,
            attempt.number,
            msgspec.json.encode(attempt),
            delivery.url,
            delivery.status,
        ]
        with reaching_redis():
            kept = await _RECORD.run(self._client, [*arguments, pause, payload_for(DELIVER), "1" if disable else ""])
        return bool(kept)

    async def replay(self, delivery_id: str) -> bool:
        """Queue a try."""
        with reaching_redis():
            return bool(await _REPLAY.run(self._client, [delivery_id, payload_for(DELIVER)]))

    async def _secrets(self, owner: str, fresh: str, overlap: Argument) -> tuple[SigningSecret, ...]:
        with reaching_redis():
            answer = await _SECRETS.run(self._client, [owner, fresh, overlap])
        return tuple(
            SigningSecret(value.decode(), None if until == b"inf" else moment(until))
            for value, until in paired(answer).items()
        )


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _delivery_of(delivery_id: str, fields: Mapping[bytes, bytes]) -> Delivery:
    attempts = (_attempt_decoder.decode(value) for field, value in fields.items() if field.startswith(b"try:"))
    return Delivery(
        id=delivery_id,
        owner=fields[b"owner"].decode(),
        job_id=fields[b"job"].decode(),
        kind=Kind(fields[b"kind"].decode()),
        event=Status(fields[b"event"].decode()),
        version=int(fields[b"version"]),
        url=fields[b"url"].decode(),
        per_job=bool(fields[b"own"]),
        status=DeliveryStatus(fields[b"status"].decode()),
        created_at=moment(fields[b"created_at"]),
        expires_at=moment(fields[b"expires_at"]),
        next_at=moment(fields[b"next_at"]) if b"next_at" in fields else None,
        attempt_count=int(fields[b"tried"]),
        attempts_before_replay=int(fields[b"begun"]),
        attempts=tuple(sorted(attempts, key=lambda each: each.number)),
    )
