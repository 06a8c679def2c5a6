"""Webhooks: what the API calls, and what makes the deliveries in a worker's process."""

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
from aether.outbound.ssrf_policy import SsrfPolicy
from aether.services.webhooks import Webhooks
from aether.settings import Settings
from aether.webhooks.delivery_worker import DeliveryPolicy, DeliveryWorker
from aether.webhooks.http_client import WebhookHttpClient
from aether.webhooks.retry_schedule import RetrySchedule
from aether.webhooks.signing import new_secret

# In no such hurry as jobs: an idle worker has about one more command a second for it.
_LEASE = timedelta(seconds=8)
_HEARTBEAT = timedelta(seconds=2)
_POLL_S = 4.0
_STRANDED_PAUSE = timedelta(seconds=5)
_LONGEST_STRANDED_PAUSE = timedelta(hours=1)
_GRACE = timedelta(seconds=1)
"""How long tries may go on when the process ends; longer ones are made again elsewhere, which receivers can tell."""

log = structlog.get_logger()


def webhooks(client: Redis, settings: Settings) -> Webhooks:
    """Return what owners can do with webhooks.

    Raises:
        ConfigurationError: as `ssrf_policy`.
    """
    overlap = timedelta(seconds=settings.webhook_overlap)
    return Webhooks(RedisWebhooks(client), ssrf_policy(settings).check_url, new_secret, overlap)


def ssrf_policy(settings: Settings) -> SsrfPolicy:
    """Return where webhooks may lead.

    Raises:
        ConfigurationError: an exception from the rules is no host.
    """
    try:
        return SsrfPolicy(settings.allowed_webhook_hosts)
    except ValueError as error:
        raise ConfigurationError(f"AETHER_WEBHOOK_HOSTS: {error}") from error


@asynccontextmanager
async def delivering(settings: Settings) -> AsyncIterator[None]:
    """Make the tries that are queued, in the background, until the block ends.

    The queue, the connections and the number of tries at a time are of their own: however many receivers are slow, jobs
    wait for none of them.
    """
    post = WebhookHttpClient.open(ssrf_policy(settings), settings.webhook_timeout)
    async with redis_client(settings) as client, post as opened:
        terms = DeliveryPolicy(RetrySchedule(settings.webhook_waits), partial(job_link, settings.public_url or ""))
        courier = DeliveryWorker(RedisWebhooks(client), opened, SystemClock(), terms)
        working: list[LeasedWorker] = []

        async def work() -> None:
            working[:] = [_worker(courier, client, settings)]
            try:
                await working[0].async_run()
            except Exception:
                await working.pop().close()
                raise

        async with BackgroundTasks(work):
            try:
                yield
            finally:
                for worker in working:
                    await worker.close()


def _worker(courier: DeliveryWorker, client: Redis, settings: Settings) -> LeasedWorker:
    async def deliver(entry: str, attempt: int) -> None:
        try:
            await courier.deliver(*_try_of(entry))
        except UnsupportedRecordError as error:
            log.info("webhook.unsupported", entry=entry, word=error.word)
            raise Retry(defer=pause_before_handover(attempt)) from error
        except Exception as error:
            log.exception("webhook.stranded", entry=entry)
            # What is wrong here may be wrong for long, and each try may have reached the receiver.
            pause = _STRANDED_PAUSE * 2 ** min(attempt - 1, 10)
            raise Retry(defer=min(pause, _LONGEST_STRANDED_PAUSE)) from error

    async def on_dead_letter(entry: str, reason: str) -> None:
        await courier.mark_dead(*_try_of(entry), reason)

    return LeasedWorker(
        [job_function(DELIVER, deliver, timeout=timedelta(days=1))],
        queue_name=WEBHOOKS,
        redis_pool=client,
        max_jobs=settings.webhook_deliveries,
        keep_result=0,
        poll_delay=_POLL_S,
        lease=_LEASE,
        heartbeat_interval=_HEARTBEAT,
        handle_signals=False,
        log_results=False,
        shutdown_grace=_GRACE,
        on_dead_letter=on_dead_letter,
    )


def _try_of(entry: str) -> tuple[str, int]:
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
