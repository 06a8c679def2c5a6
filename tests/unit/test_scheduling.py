"""The order in which the processes of another pytest run its tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.starting import ROOT
from tests.scheduling import AT_ONCE

pytestmark = pytest.mark.slow

CONFTEST = """
import time
import pytest
from tests.conftest import pytest_collection_modifyitems, pytest_xdist_make_scheduler

def pytest_configure(config):
    config.addinivalue_line("markers", "chaos")

@pytest.fixture(autouse=True)
def noted(request, worker_id):
    begun = time.monotonic()
    yield
    with open(NOTES, "a") as notes:
        notes.write(f"{begun} {time.monotonic()} {worker_id} {request.node.nodeid}\\n")
"""
OTHER = """
import time
import pytest

@pytest.mark.parametrize("n", range(5))
def test_it(n):
    time.sleep(0.02 * n)
"""
CHAOS = OTHER.replace("@pytest", "@pytest.mark.chaos\n@pytest", 1)


def test_the_rows_of_chaos_run_when_no_other_test_does(tmp_path: Path) -> None:
    (tmp_path / "tests/chaos").mkdir(parents=True)
    (tmp_path / "conftest.py").write_text(f"NOTES = {str(tmp_path / 'notes')!r}\n{CONFTEST}")
    (tmp_path / "tests/chaos/test_chaos.py").write_text(CHAOS)
    for number in range(6):
        (tmp_path / f"tests/test_{number}.py").write_text(OTHER)

    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:pytest_cov", "-n", "4", "-q"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )

    notes = [line.split() for line in (tmp_path / "notes").read_text().splitlines()]
    chaos = [note for note in notes if "test_chaos" in note[3]]
    others = [note for note in notes if note not in chaos]
    assert (len(chaos), len(others)) == (5, 30)
    first_others = [note for note in others if float(note[1]) <= min(float(begun) for begun, *_ in chaos)]
    assert len(others) - len(first_others) <= AT_ONCE  # each process keeps its last test until it knows of another
    assert len({process for _, _, process, _ in chaos}) == AT_ONCE
    assert len({process for _, _, process, _ in others}) > AT_ONCE
