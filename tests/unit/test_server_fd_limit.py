"""The fd limit belongs to the process, so each case runs in a process of its own."""

import subprocess
import sys

import pytest

_SCRIPT = """
import resource, sys
from aether.server.fd_limit import raise_fd_limit
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
raise_fd_limit(wanted)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def raised_limit(soft: int, hard: int, wanted: int) -> tuple[int, bool]:
    """Return the limit after the call, and whether a warning was logged."""
    command = [sys.executable, "-c", _SCRIPT, *map(str, (soft, hard, wanted))]
    *lines, files = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return int(files), "api.few_connections" in "".join(lines)


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "files", "warned"),
    [(256, 1024, 700, 956, False), (256, 900, 700, 900, True), (1000, 1024, 700, 1000, False)],
    ids=["raised", "raised to the hard limit", "high enough"],
)
def test_the_limit_is_raised_for_connections(soft: int, hard: int, wanted: int, files: int, *, warned: bool) -> None:
    assert raised_limit(soft, hard, wanted) == (files, warned)
