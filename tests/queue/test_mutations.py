"""The checks in `behaviours.py` notice when the part is missing that each of them is about."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from arq.connections import ArqRedis

from aether.leased_queue import LeasedWorker, lua_source
from aether.leased_queue.scripts import QueueScripts, Script
from tests.queue import behaviours
from tests.queue.conftest import Launch

Check = Callable[[ArqRedis, Launch, type[LeasedWorker], str], Awaitable[None]]
SOUND = QueueScripts()


def without(text: str, part: str, instead: str) -> str:
    assert part in text
    return text.replace(part, instead)


class WithoutFence(LeasedWorker):
    scripts = replace(SOUND, ack=Script(without(SOUND.ack.text, "if holder == token then", "if true then")))


class WithoutRenewal(LeasedWorker):
    scripts = replace(SOUND, extend=Script("return {}"))


class WithoutComebacks(LeasedWorker):
    scripts = replace(
        SOUND, claim=Script(without(SOUND.claim.text, "(whole(FIRST_TIMESTAMP), whole(now), DUE_LIMIT)", "(1, 0, 0)"))
    )


WITHOUT_BELL = without(lua_source(), "redis.call('LPUSH', wakeup, '1')", "")
WITHOUT_TURNS = without(lua_source(), "math.max(last + 1, served)", "served")


@pytest.mark.parametrize(
    ("check", "worker_class", "source"),
    [
        (behaviours.check_a_paused_worker_cannot_end_the_run_of_another, WithoutFence, lua_source()),
        (behaviours.check_a_lease_is_renewed_while_the_loop_is_blocked, WithoutRenewal, lua_source()),
        (behaviours.check_the_bell_wakes_an_idle_worker, LeasedWorker, WITHOUT_BELL),
        (behaviours.check_an_owners_single_job_waits_for_no_more_than_one_of_anothers, LeasedWorker, WITHOUT_TURNS),
        (behaviours.check_what_a_dead_worker_left_goes_before_all_that_waits, WithoutComebacks, lua_source()),
    ],
    ids=["fence", "renewal", "bell", "turns", "comebacks"],
)
async def test_a_missing_part_is_noticed(
    client: ArqRedis, launch: Launch, check: Check, worker_class: type[LeasedWorker], source: str
) -> None:
    with pytest.raises(AssertionError):
        await check(client, launch, worker_class, source)
