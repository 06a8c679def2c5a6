"""The limit on open files; it is the process's own, so that each case is a process."""

import subprocess
import sys

import pytest

_SAY = """
import resource, sys
from aether.server.fd_limit import raise_fd_limit
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
raise_fd_limit(wanted)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def made_room(soft: int, hard: int, wanted: int) -> tuple[int, bool]:
    """Return how many files may be open then, and whether there was a warning."""
    command = [sys.executable, "-c", _SAY, *map(str, (soft, hard, wanted))]
    *said, files = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return int(files), "api.few_connections" in "".join(said)


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "files", "warned"),
    [(256, 1024, 700, 956, False), (256, 900, 700, 900, True), (1000, 1024, 700, 1000, False)],
    ids=["raised", "raised as far as it goes", "left alone"],
)
def test_there_is_room_for_the_connections(soft: int, hard: int, wanted: int, files: int, *, warned: bool) -> None:
    assert made_room(soft, hard, wanted) == (files, warned)
