"""Foreign ids: another owner's job costs as much as a missing one, so that the time does not show that it exists."""

from collections.abc import Awaitable, Callable

import pytest
from msgspec import Raw
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.domain.job import Change, Kind, Limits, Status, Step, StepStatus
from aether.errors import UnknownDeliveryError, UnknownJobError
from aether.services.jobs import Jobs
from aether.services.webhooks import Webhooks
from tests.contract.job_store_harness import NEW_JOB, RedisJobStoreHarness, begin_job
from tests.contract.webhook_harness import DAY, JOB_WITH_WEBHOOK, RedisWebhookHarness, create_delivery, failed_attempt
from tests.fakes import MemoryFiles

NEVER_WAS = "0000"
LARGE = Step("outline", status=StepStatus.DONE, result=Raw(b'"%s"' % (b"a" * 200_000)))
CALLS: dict[str, Callable[[Jobs, str], Awaitable[object]]] = {
    "get": lambda jobs, job_id: jobs.get(Kind.REPORT, "eve", job_id),
    "get of another kind": lambda jobs, job_id: jobs.get(Kind.CHECKLIST, "ada", job_id),
    "cancel": lambda jobs, job_id: jobs.cancel(Kind.REPORT, "eve", job_id),
    "retry": lambda jobs, job_id: jobs.retry(Kind.REPORT, "eve", job_id, Limits()),
    "erase": lambda jobs, job_id: jobs.erase(Kind.REPORT, "eve", job_id),
    "file": lambda jobs, job_id: jobs.file(Kind.REPORT, "eve", job_id, "a"),
}


async def sent_by(server: Redis, asking: Awaitable[object], error: type[Exception]) -> tuple[int, int]:
    """Return how many commands the server ran for this call, and how many bytes it sent."""
    before = await server.info("stats")
    with pytest.raises(error):
        await asking
    after = await server.info("stats")
    commands, sent = (
        int(after[name] - before[name]) for name in ("total_commands_processed", "total_net_output_bytes")
    )
    return commands, sent


@pytest.mark.parametrize("call", CALLS)
async def test_another_owners_job_costs_as_much_as_a_missing_one(valkey_client: Redis, call: str) -> None:
    store = RedisJobStoreHarness(valkey_client).store
    job = await begin_job(store)
    await store.commit(job.id, job.epoch, job.version, Change(Status.COMPLETED, 1, (LARGE,)))
    jobs = Jobs(store, MemoryFiles())
    for _ in range(2):  # the first time the server does not know the scripts
        foreign, missing = [
            await sent_by(valkey_client, CALLS[call](jobs, job_id), UnknownJobError)
            for job_id in (NEW_JOB.id, NEVER_WAS)
        ]

    # The answer to the first INFO is counted; the numbers in it may be a few digits longer.
    assert foreign[0] == missing[0]
    assert abs(foreign[1] - missing[1]) < 200


async def test_another_owners_delivery_costs_as_much_as_a_missing_one(valkey_client: Redis) -> None:
    webhook_harness = RedisWebhookHarness(valkey_client)
    delivery = await create_delivery(webhook_harness, JOB_WITH_WEBHOOK)
    for number in range(1, 30):
        await webhook_harness.webhooks.record(delivery, failed_attempt(delivery, number), 3600.0)
    webhooks = Webhooks(webhook_harness.webhooks, lambda _: None, lambda: "whsec_one", DAY)
    for _ in range(2):
        foreign, missing = [
            await sent_by(valkey_client, webhooks.delivery("eve", name), UnknownDeliveryError)
            for name in (delivery.id, NEVER_WAS)
        ]

    assert (await webhooks.delivery("ada", delivery.id)).attempt_count == 29
    assert foreign[0] == missing[0]
    assert abs(foreign[1] - missing[1]) < 200


async def test_many_deliveries_of_another_owners_job_cost_as_much_as_one(valkey_client: Redis) -> None:
    webhook_harness, many, one = (
        RedisWebhookHarness(valkey_client),
        replace(JOB_WITH_WEBHOOK, id="many"),
        replace(JOB_WITH_WEBHOOK, id="one"),
    )
    for job, ends in ((many, 20), (one, 1)):
        await webhook_harness.jobs.create(job)
        for _ in range(ends):
            await webhook_harness.jobs.move(job.id, Change(status=Status.CANCELLED))
            await webhook_harness.jobs.move(job.id, Change(status=Status.PENDING))

    async def looked_through(job_id: str, owner: str) -> tuple[int, int]:
        """Return how many deliveries are listed, and how many records were read for that."""
        await valkey_client.config_resetstat()
        page = await webhook_harness.webhooks.list(owner, None, job_id, 100)
        stats = await valkey_client.info("commandstats")
        return len(page.deliveries), stats["cmdstat_hmget"]["calls"]

    assert [await looked_through(job.id, "ada") for job in (many, one)] == [(20, 20), (1, 1)]
    assert [await looked_through(job.id, "eve") for job in (many, one)] == [(0, 1), (0, 1)]
