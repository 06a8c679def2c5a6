"""Mutations of the scripts: each check in `behaviours.py` fails without the part it is about."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest
from arq.connections import ArqRedis

from aether.leased_queue import LeasedWorker, lua_source
from aether.leased_queue.scripts import QueueScripts, Script
from tests.queue import behaviours
from tests.queue.conftest import Launch

Check = Callable[[ArqRedis, Launch, type[LeasedWorker], str], Awaitable[None]]
SCRIPTS = QueueScripts()


def without(text: str, part: str, instead: str) -> str:
    assert part in text
    return text.replace(part, instead)


class WithoutFence(LeasedWorker):
    scripts = replace(SCRIPTS, ack=Script(without(SCRIPTS.ack.text, "if holder == token then", "if true then")))


class WithoutHeartbeat(LeasedWorker):
    scripts = replace(SCRIPTS, extend=Script("return {}"))


class WithoutPeerWatch(LeasedWorker):
    scripts = replace(SCRIPTS, end_leases=Script("return -1"))


class WithoutReturnedJobs(LeasedWorker):
    scripts = replace(
        SCRIPTS,
        claim=Script(without(SCRIPTS.claim.text, "visit_all(returned, false)", "visit_all({}, false)")),
    )


WITHOUT_WAKEUP = without(lua_source(), "if redis.call('LPUSH', wakeup, '1') == 1 then", "if true then")
WITHOUT_TURNS = without(lua_source(), "math.max(last + 1, served)", "served")


@pytest.mark.parametrize(
    ("check", "worker_class", "source"),
    [
        (behaviours.check_a_paused_worker_cannot_end_the_run_of_another, WithoutFence, lua_source()),
        (behaviours.check_a_lease_is_extended_while_the_event_loop_is_blocked, WithoutHeartbeat, lua_source()),
        (partial(behaviours.check_an_idle_worker_is_woken, within_s=2), LeasedWorker, WITHOUT_WAKEUP),
        (behaviours.check_a_single_job_waits_for_at_most_one_job_of_another_owner, LeasedWorker, WITHOUT_TURNS),
        (behaviours.check_a_dead_workers_job_goes_before_all_waiting_jobs, WithoutReturnedJobs, lua_source()),
        (
            behaviours.check_the_job_of_a_worker_whose_connection_is_gone_is_taken_over_within_a_second,
            WithoutPeerWatch,
            lua_source(),
        ),
    ],
    ids=["fence", "heartbeat", "wakeup", "turns", "returned jobs", "peer watch"],
)
async def test_a_check_fails_without_the_part_it_is_about(
    client: ArqRedis, launch: Launch, check: Check, worker_class: type[LeasedWorker], source: str
) -> None:
    with pytest.raises(AssertionError):
        await check(client, launch, worker_class, source)
