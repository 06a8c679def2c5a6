"""Webhooks: the use cases for the API, and the delivery worker in each worker process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog
from redis.asyncio import Redis

from aether.adapters.redis.keys import DELIVER, WEBHOOKS
from aether.adapters.redis.webhooks import RedisWebhooks
from aether.api.kinds import KINDS, href
from aether.bootstrap.handover import pause_before_handover
from aether.bootstrap.storage import redis_client
from aether.domain.job import Kind
from aether.durable.background import BackgroundTasks
from aether.durable.clock import SystemClock
from aether.errors import ConfigurationError, UnsupportedRecordError
from aether.leased_queue import LeasedWorker, Retry, job_function
from aether.leased_queue.key_names import key_name
from aether.outbound.ssrf_policy import SsrfPolicy
from aether.services.webhooks import Webhooks
from aether.settings import Settings
from aether.webhooks.delivery_worker import DeliveryPolicy, DeliveryWorker
from aether.webhooks.http_client import WebhookHttpClient
from aether.webhooks.retry_schedule import RetrySchedule
from aether.webhooks.signing import new_secret

# Longer than those of jobs, since deliveries are less urgent: for them an idle worker sends one more command a second.
_LEASE = timedelta(seconds=8)
_HEARTBEAT = timedelta(seconds=2)
_POLL_S = 4.0
_STRANDED_PAUSE = timedelta(seconds=5)
_MAX_STRANDED_PAUSE = timedelta(hours=1)
_SHUTDOWN_GRACE = timedelta(seconds=1)
"""How long attempts may go on when the process ends. Longer ones are repeated by another worker; the receiver can tell
by the delivery's id."""

log = structlog.get_logger()


def webhooks(client: Redis, settings: Settings) -> Webhooks:
    """Return the webhook use cases.

    Raises:
        ConfigurationError: as `ssrf_policy`.
    """
    overlap = timedelta(seconds=settings.webhook_overlap)
    return Webhooks(RedisWebhooks(client), ssrf_policy(settings).check_url, new_secret, overlap)


def ssrf_policy(settings: Settings) -> SsrfPolicy:
    """Return the policy for the URLs of webhooks.

    Raises:
        ConfigurationError: one of the allowed hosts is not a host.
    """
    try:
        return SsrfPolicy(settings.allowed_webhook_hosts)
    except ValueError as error:
        raise ConfigurationError(f"AETHER_WEBHOOK_HOSTS: {error}") from error


@asynccontextmanager
async def deliver_webhooks(settings: Settings) -> AsyncIterator[None]:
    """Make queued delivery attempts in the background until the block ends.

    Deliveries have a queue, connections and a concurrency limit of their own, so that jobs never wait for slow
    receivers.
    """
    open_http = WebhookHttpClient.open(ssrf_policy(settings), settings.webhook_timeout)
    async with redis_client(settings) as client, open_http as http:
        policy = DeliveryPolicy(RetrySchedule(settings.webhook_waits), partial(job_link, settings.public_url or ""))
        delivery_worker = DeliveryWorker(RedisWebhooks(client), http, SystemClock(), policy)
        running: list[LeasedWorker] = []

        async def run() -> None:
            running[:] = [_leased_worker(delivery_worker, client, settings)]
            try:
                await running[0].async_run()
            except Exception:
                await running.pop().close()
                raise

        async with BackgroundTasks(run):
            try:
                yield
            finally:
                for worker in running:
                    await worker.close()


def _leased_worker(delivery_worker: DeliveryWorker, client: Redis, settings: Settings) -> LeasedWorker:
    async def deliver(entry: str, attempt: int) -> None:
        try:
            await delivery_worker.deliver(*_parse_entry(entry))
        except UnsupportedRecordError as error:
            log.info("webhook.unsupported", entry=entry, word=error.word)
            raise Retry(defer=pause_before_handover(attempt)) from error
        except Exception as error:
            log.exception("webhook.stranded", entry=entry)
            # The cause may last, and each attempt may have reached the receiver.
            pause = _STRANDED_PAUSE * 2 ** min(attempt - 1, 10)
            raise Retry(defer=min(pause, _MAX_STRANDED_PAUSE)) from error

    async def mark_dead(entry: str, reason: str) -> None:
        await delivery_worker.mark_dead(*_parse_entry(entry), reason)

    return LeasedWorker(
        [job_function(DELIVER, deliver, timeout=timedelta(days=1))],
        queue_name=key_name(client, WEBHOOKS),
        redis_pool=client,
        max_jobs=settings.webhook_deliveries,
        keep_result=0,
        poll_delay=_POLL_S,
        lease=_LEASE,
        heartbeat_interval=_HEARTBEAT,
        peer_interval=timedelta(seconds=_POLL_S),
        handle_signals=False,
        log_results=False,
        shutdown_grace=_SHUTDOWN_GRACE,
        on_dead_letter=mark_dead,
    )


def _parse_entry(entry: str) -> tuple[str, int]:
    delivery_id, _, number = entry.rpartition(":")
    return delivery_id, int(number)


def job_link(public_url: str, kind: Kind, job_id: str) -> str:
    """Return the link to a job in a webhook: below the service's public address, or a bare path without one.

    Raises:
        UnsupportedRecordError: this version does not know where jobs of this kind are shown.
    """
    if kind not in KINDS:
        raise UnsupportedRecordError(job_id, kind)
    return public_url.rstrip("/") + href(kind, job_id)
