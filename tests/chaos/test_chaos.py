"""A short run of every scenario; the long one is `python -m tests.chaos`."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import pytest_socket

from tests.chaos.rows import Outcome, table
from tests.chaos.running import SHORT, run

_AT_ONCE = 3
_SEED = int(os.environ.get("CHAOS_SEED", "1"))


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Outcome]]]:
    """Run several at once: most of their time is waiting for leases to run out."""
    # The guard against outside hosts knows no way to allow unix sockets alone.
    pytest_socket._remove_restrictions()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield {name: pool.submit(run, name, tmp_path_factory.mktemp(name), _SEED, SHORT[name]) for name in SHORT}


@pytest.mark.timeout(150)
@pytest.mark.parametrize("name", SHORT)
def test_bounds_hold(name: str, outcomes: Mapping[str, Future[Outcome]]) -> None:
    outcome = outcomes[name].result()
    assert outcome.holds, "\n".join([table([outcome]), *outcome.report])
