"""Webhooks on Redis: a hash for each endpoint and each delivery; delivery attempts have a queue of their own.

`commit.lua` creates a delivery in the step that ends its job; `deliveries.lua` describes how deliveries are listed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.keys import DELIVER, ENDPOINT, ENDPOINT_MS, script
from aether.adapters.redis.record_serializer import encode_words, parse_hash, parse_time
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
from aether.leased_queue.key_names import key_name
from aether.leased_queue.scripts import Argument
from aether.leased_queue.serializer import payload_for

_LIBRARIES = ("index", "deliveries")
_LIST = script("list_deliveries", *_LIBRARIES)
_LOAD = script("load_delivery")
_RECORD = script("record_attempt", *_LIBRARIES)
_REPLAY = script("replay_delivery", *_LIBRARIES)
_SECRETS = script("signing_secrets")

_attempt_decoder = msgspec.json.Decoder(DeliveryAttempt)


class RedisWebhooks:
    """The `WebhookStore` for production; `client` must not decode responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def now(self) -> datetime:
        """Return the time of the server."""
        with translate_redis_errors():
            seconds, microseconds = await self._client.time()
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)

    async def endpoint(self, owner: str) -> Endpoint | None:
        """Read the hash."""
        with translate_redis_errors():
            # redis-py has one type for the answers of its synchronous and its asynchronous client.
            fields: dict[bytes, bytes] = await self._client.hgetall(key_name(self._client, ENDPOINT, owner))  # type: ignore[misc]
        if not fields:
            return None
        events = frozenset(Status(word) for word in fields[b"events"].decode().split("|") if word)
        disabled_at = parse_time(fields[b"disabled_at"]) if b"disabled_at" in fields else None
        return Endpoint(Webhook(fields[b"url"].decode(), events), disabled_at)

    async def set_endpoint(self, owner: str, webhook: Webhook) -> None:
        """Replace the hash."""
        key = key_name(self._client, ENDPOINT, owner)
        with translate_redis_errors():
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.delete(key)
                pipeline.hset(key, mapping={"url": webhook.url, "events": encode_words(webhook.events)})
                pipeline.pexpire(key, ENDPOINT_MS)
                await pipeline.execute()

    async def remove_endpoint(self, owner: str) -> None:
        """Delete the hash."""
        with translate_redis_errors():
            await self._client.delete(key_name(self._client, ENDPOINT, owner))

    async def secrets(self, owner: str, new: str) -> tuple[SigningSecret, ...]:
        """Read the secrets that are valid."""
        return await self._secrets(owner, new, "")

    async def rotate(self, owner: str, new: str, overlap: timedelta) -> tuple[SigningSecret, ...]:
        """Add the new secret, and limit the validity of the previous one."""
        return await self._secrets(owner, new, _milliseconds(overlap.total_seconds()))

    async def load(self, delivery_id: str, owner: str | None = None) -> Delivery | None:
        """Read the hash."""
        with translate_redis_errors():
            fields = parse_hash(await _LOAD.run(self._client, [delivery_id, *([] if owner is None else [owner])]))
        return _parse_delivery(delivery_id, fields) if fields else None

    async def list(
        self, owner: str, status: DeliveryStatus | None, job_id: str | None, limit: int, before: str | None = None
    ) -> DeliveryPage:
        """Read the list until one delivery more than `limit` is found, to know whether there is a next page."""
        deliveries: tuple[Delivery, ...] = ()
        cursor: str | bytes | None = before or ""
        with translate_redis_errors():
            while cursor is not None and len(deliveries) <= limit:
                missing = limit + 1 - len(deliveries)
                cursor, *found = await _LIST.run(self._client, [owner, status or "", job_id or "", missing, cursor])
                deliveries += tuple(_parse_delivery(each.decode(), parse_hash(fields)) for each, *fields in found)
        return DeliveryPage(deliveries[:limit], deliveries[limit - 1].sort_key if len(deliveries) > limit else None)

    async def record(
        self, delivery: Delivery, attempt: DeliveryAttempt, wait: float | None, *, disable: bool = False
    ) -> bool:
        """Write the attempt and the delivery's new state, and queue the next attempt."""
        wait_ms = "" if wait is None else _milliseconds(wait)
        arguments: Sequence[Argument] = [
            delivery.id,
            attempt.number,
            msgspec.json.encode(attempt),
            delivery.url,
            delivery.status,
        ]
        with translate_redis_errors():
            answer = await _RECORD.run(
                self._client, [*arguments, wait_ms, payload_for(DELIVER), "1" if disable else ""]
            )
        return bool(answer)

    async def replay(self, delivery_id: str) -> bool:
        """Queue an attempt."""
        with translate_redis_errors():
            return bool(await _REPLAY.run(self._client, [delivery_id, payload_for(DELIVER)]))

    async def _secrets(self, owner: str, new: str, overlap: Argument) -> tuple[SigningSecret, ...]:
        with translate_redis_errors():
            answer = await _SECRETS.run(self._client, [owner, new, overlap])
        return tuple(
            SigningSecret(value.decode(), None if until == b"inf" else parse_time(until))
            for value, until in parse_hash(answer).items()
        )


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _parse_delivery(delivery_id: str, fields: Mapping[bytes, bytes]) -> Delivery:
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
        created_at=parse_time(fields[b"created_at"]),
        expires_at=parse_time(fields[b"expires_at"]),
        next_at=parse_time(fields[b"next_at"]) if b"next_at" in fields else None,
        attempt_count=int(fields[b"tried"]),
        attempts_before_replay=int(fields[b"begun"]),
        attempts=tuple(sorted(attempts, key=lambda each: each.number)),
    )
