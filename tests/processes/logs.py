"""Logs: what the processes of a test wrote while it ran, for the report of its failure."""

from collections.abc import Callable, Iterator
from pathlib import Path

_SHOWN = 4_000
_files: dict[Path, tuple[int, Callable[[], bool]]] = {}
"""Each log's size when the test began, and whether it is still written to."""


def add_log(path: Path, is_open: Callable[[], bool] = lambda: False) -> None:
    """Show this file too, during this test and, as long as it is open, during those that follow."""
    _files.setdefault(path, (0, is_open))


def begin_test() -> None:
    """Forget the logs of earlier tests, and what the others hold so far."""
    for path, (_, is_open) in list(_files.items()):
        if is_open() and path.exists():
            _files[path] = path.stat().st_size, is_open
        else:
            del _files[path]


def written_since() -> Iterator[tuple[str, str]]:
    """Tell the name of each log to which this test's processes wrote, and the end of what they wrote."""
    for path, (size, _) in _files.items():
        if path.exists() and (text := path.read_bytes()[size:].decode(errors="replace").strip()):
            yield str(path), text[-_SHOWN:]
