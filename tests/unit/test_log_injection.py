"""Log injection: each event is one line, without control sequences from untrusted values."""

import json
import re
import subprocess
import sys

import pytest

NASTY = (
    "ok\r\n2026-01-01T00:00:00Z [info     ] job.ended"
    "\x1b[2J\x1b]0;title\x07\x00\x08\x7f\x85\x9b31m\u2028\u2029\u202e end"
)
_SAY = """
import logging, structlog, sys
from aether.telemetry import configure_logging

configure_logging("info", {form!r})
nasty = {nasty!r}
log = structlog.get_logger()
log.warning("step.attempt_failed", error=nasty, status=nasty)
log.info("bound", values=[nasty], error=ValueError(nasty), key={{nasty: nasty}}, raw=nasty.encode())
log.info(nasty)
log.info("bare", word="\\x1b[2J\\x9b2J")
structlog.contextvars.bind_contextvars(request_id=nasty)
log.info("request.answered")
logging.getLogger("a.library").warning("it said %s", nasty)
"""
_CRASH = """
import structlog
from aether.telemetry import configure_logging

configure_logging("info", {form!r})
try:
    raise RuntimeError({nasty!r})
except RuntimeError:
    structlog.get_logger().exception("request.failed")
"""
# All of the Unicode categories Cc, Zl and Zp except the line feed, and what changes the direction of text.
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_COLOUR = re.compile("\x1b\\[[0-9;]*m")


def log_of(script: str, form: str) -> str:
    command = [sys.executable, "-X", "utf8", "-c", script.format(form=form, nasty=NASTY)]
    # The console's colours are control characters too.
    return _COLOUR.sub("", subprocess.run(command, capture_output=True, check=True).stderr.decode())


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_event_is_one_line_whatever_its_values(form: str) -> None:
    lines = log_of(_SAY, form).removesuffix("\n").split("\n")

    assert len(lines) == 6
    assert [line for line in lines if _UNSAFE.search(line)] == []


def test_values_are_unchanged_in_json() -> None:
    first = json.loads(log_of(_SAY, "json").splitlines()[0])

    assert (first["event"], first["error"]) == ("step.attempt_failed", NASTY)


def test_values_are_escaped_on_the_console() -> None:
    lines = log_of(_SAY, "console").split("\n")

    assert r"ok\r\n2026-01-01T00:00:00Z [info     ] job.ended\x1b[2J" in lines[2]
    assert r"word=\x1b[2J\x9b2J" in lines[3]


def test_no_line_of_a_traceback_looks_like_an_event() -> None:
    event, *traceback = log_of(_CRASH, "console").removesuffix("\n").split("\n")

    assert "request.failed" in event
    assert [line for line in traceback if _UNSAFE.search(line) or not line.startswith("    ")] == []
    assert any("job.ended" in line for line in traceback)


def test_a_traceback_in_json_is_one_line() -> None:
    lines = log_of(_CRASH, "json").removesuffix("\n").split("\n")

    assert len(lines) == 1
    assert json.loads(lines[0])["exception"][0]["exc_value"] == NASTY
