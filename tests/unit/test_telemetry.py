"""The log format of a process, and that logging never stops it."""

import json
import subprocess
import sys

import pytest

_SETUP = """
import logging, os, structlog
from aether.telemetry import configure_logging

configure_logging("info", {form!r})
log = structlog.get_logger()
structlog.contextvars.bind_contextvars(request_id="r-1")
"""


def log_of(code: str, form: str = "json") -> list[str]:
    command = [sys.executable, "-c", _SETUP.format(form=form) + code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()


def test_events_and_records_of_libraries_have_one_format() -> None:
    lines = log_of('log.warning("step.late", step="outline"); logging.getLogger("lib").warning("late by %d", 3)')

    event, record = map(json.loads, lines)
    assert event.pop("timestamp")[:2] == record.pop("timestamp")[:2] == "20"
    common = {"request_id": "r-1", "level": "warning"}
    assert event == common | {"event": "step.late", "step": "outline", "logger": "__main__"}
    assert record == common | {"event": "late by 3", "logger": "lib"}


@pytest.mark.parametrize("form", ["json", "console"])
def test_events_below_the_level_are_not_logged(form: str) -> None:
    lines = log_of('log.debug("a.b"); logging.getLogger("lib").debug("a.b"); log.info("c.d")', form)

    assert ["c.d" in line for line in lines] == [True]


def test_values_that_json_cannot_express_are_logged_as_text() -> None:
    (line,) = log_of(r'log.info("a.b", what={1, 1}, path="\udc80\n")')

    assert (json.loads(line)["what"], json.loads(line)["path"]) == ("{1}", "\udc80\n")


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_closed_stderr_does_not_stop_the_process(form: str) -> None:
    code = 'ours, theirs = os.pipe(); os.close(ours); os.dup2(theirs, 2); log.info("a.b"); print("went on")'
    command = [sys.executable, "-c", _SETUP.format(form=form) + code]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout == "went on\n"
