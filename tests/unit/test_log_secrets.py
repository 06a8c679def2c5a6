"""Secrets that must not get into the log, not even by a traceback."""

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


_CARELESS = """
import asyncio
import structlog
from aether.durable.clock import SystemClock
from aether.identity.api_keys import ApiKeys
from aether.telemetry import configure_logging
from tests.fake_keys import MemoryKeys

configure_logging("info", {form!r})
keys = ApiKeys(MemoryKeys(), SystemClock())
created = asyncio.run(keys.create("ci"))
structlog.get_logger().info("key.created", created=created, secret=created[1], all=asyncio.run(keys.list()))
print(created[1].reveal())
"""


@pytest.mark.parametrize("form", ["console", "json"])
def test_logging_a_new_key_logs_no_secret(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CARELESS.format(form=form)], capture_output=True, text=True, check=True
    )

    (text,) = done.stdout.split()
    assert "key.created" in done.stderr
    assert text.split("_", 2)[2] not in done.stderr
