"""The fd limit belongs to the process, so each case runs in a process of its own."""

import subprocess
import sys

import pytest

_SCRIPT = """
import resource, sys
from aether.server.fd_limit import raise_fd_limit
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(raise_fd_limit(wanted), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def raised_limit(soft: int, hard: int, wanted: int) -> tuple[int, int, bool]:
    """Return the connections to serve, the limit after the call, and whether a warning was logged."""
    command = [sys.executable, "-c", _SCRIPT, *map(str, (soft, hard, wanted))]
    *lines, last = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    served, files = map(int, last.split())
    return served, files, "api.few_connections" in "".join(lines)


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "files"),
    [(256, 1024, 700, 956), (256, 900, 700, 900), (1000, 1024, 700, 1000)],
    ids=["raised", "raised to the hard limit", "high enough"],
)
def test_the_limit_is_raised_for_connections(soft: int, hard: int, wanted: int, files: int) -> None:
    assert raised_limit(soft, hard, wanted) == (wanted, files, False)


@pytest.mark.parametrize(("hard", "served"), [(800, 672), (256, 128), (150, 37), (64, 16)])
def test_where_it_stays_low_fewer_connections_are_served(hard: int, served: int) -> None:
    assert raised_limit(min(hard, 100), hard, 700) == (served, hard, True)
