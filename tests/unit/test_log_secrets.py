"""What a traceback must not carry into the log."""

import subprocess
import sys

import pytest

_CRASH = """
import structlog
from aether.telemetry import configure_logging

configure_logging("info", {form!r})

def crash(body):
    raise RuntimeError("the reason")

try:
    crash("a " + "secret")
except RuntimeError:
    structlog.get_logger().exception("request.failed")
"""


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_is_logged_without_local_variables(form: str) -> None:
    done = subprocess.run([sys.executable, "-c", _CRASH.format(form=form)], capture_output=True, text=True, check=True)

    assert "the reason" in done.stderr
    assert "crash" in done.stderr
    assert "a secret" not in done.stderr
