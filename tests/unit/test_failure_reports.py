"""What a failed test shows; the failures are those of another pytest."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.rows import Outcome, Row
from tests.chaos.test_chaos import failure_message
from tests.processes.starting import ROOT

pytestmark = pytest.mark.slow

CONFTEST = "from tests.reporting import *\nfrom tests.conftest import pytest_configure, pytest_sessionfinish\n"
STARTS_A_PROCESS = """
import os, sys
from tests.processes.process import Process
from tests.waiting import until

def test_it(tmp_path):
    process = Process([sys.executable, "-m", "aether", "worker"], os.environ | {"REDIS_URL": ""}, tmp_path / "w.log")
    until(lambda: not process.running)
    assert process.end() == 0

def test_that_passes(tmp_path):
    Process([sys.executable, "-m", "aether", "--version"], os.environ, tmp_path / "w.log").end()

def test_another():
    assert False
"""
HAS_EXAMPLES = """
from hypothesis import given, settings
from hypothesis import strategies as st

@settings(database=None)
@given(st.integers(0, 10**9))
def test_it(number):
    assert number < 1000 or number % 7
"""


def run_pytest(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:pytest_cov", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def write_test(folder: Path, text: str) -> None:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(text)


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["alone", "side by side"])
def test_a_failed_test_shows_the_logs_of_its_own_processes(tmp_path: Path, processes: tuple[str, ...]) -> None:
    write_test(tmp_path, STARTS_A_PROCESS)

    shown = run_pytest(tmp_path, *processes)

    (log,) = re.findall(r"^-+ log \S+/test_it0/w\.log -+\n(.*)", shown, re.MULTILINE)
    assert log.startswith("Error: Set REDIS_URL")


@pytest.mark.parametrize("variables", [[], ["CI=true"]], ids=["at home", "in a CI"])
def test_a_failed_example_can_be_repeated(
    variables: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    for variable in variables:
        monkeypatch.setenv(*variable.split("="))
    write_test(tmp_path, HAS_EXAMPLES)

    shown = run_pytest(tmp_path)
    (command,) = re.findall(r"^-+ repeat with -+\n(.*)", shown, re.MULTILINE)
    *found, make, target, arguments = shlex.split(command)
    again = run_pytest(tmp_path, *shlex.split(arguments.removeprefix("ARGS=").replace("$$", "$")))

    assert (found, make, target) == (variables, "make", "test")
    assert example_in(shown) == example_in(again)


def example_in(shown: str) -> list[str]:
    found = re.findall(r"number=(\d+)", shown)
    assert found
    return found


def test_a_broken_bound_of_chaos_can_be_repeated() -> None:
    message = failure_message(Outcome("poison", (Row("workers lost", "≤ 3", "4", holds=False),), ("w1: died",)), 7)

    assert "| poison: workers lost | ≤ 3   | 4        | BROKEN  |" in message
    assert message.splitlines()[-2:] == [
        "Repeat with: CHAOS_SEED=7 make test ARGS='tests/chaos -k poison'",
        "or, with more of it: make chaos SEED=7 ARGS='--only poison'",
    ]
