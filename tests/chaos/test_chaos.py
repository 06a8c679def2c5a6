"""A short run of every scenario.

Its bounds in seconds grow with the other work of the machine; those of the long run, `make chaos`, do not.
"""

import os
from pathlib import Path

import pytest
import pytest_socket

from tests.chaos.machine import BusyMachine
from tests.chaos.rows import Outcome, table
from tests.chaos.running import SHORT, run

pytestmark = pytest.mark.chaos
_SEED = int(os.environ.get("CHAOS_SEED", "1"))


@pytest.mark.parametrize("name", SHORT)
def test_bounds_hold(name: str, tmp_path: Path) -> None:
    # The guard against outside hosts knows no way to allow unix sockets alone.
    pytest_socket._remove_restrictions()
    with BusyMachine() as machine:
        outcome = run(name, tmp_path, _SEED, SHORT[name], lambda: machine.slowness)
    assert outcome.holds, failure_message(outcome, _SEED)


def failure_message(outcome: Outcome, seed: int) -> str:
    again = [
        f"Repeat with: CHAOS_SEED={seed} make test ARGS='tests/chaos -k {outcome.scenario}'",
        f"or, with more of it: make chaos SEED={seed} ARGS='--only {outcome.scenario}'",
    ]
    return "\n".join([table([outcome]), *outcome.report, *again])
