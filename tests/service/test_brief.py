"""The commands and answers by which the service was ordered, word for word."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scripted_model import NAMED, Rule
from tests.service.stack import Json, Stack
from tests.waiting import PATIENCE_S, until

TOPIC = "The Roman Empire"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HTTPIE = str(Path(sys.executable).with_name("http"))

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def shell(command: str, stack: Stack) -> str:
    """Run a command of the brief, HOST and :PORT replaced, as typed in a terminal."""
    host = stack.url.removeprefix("http://").rstrip("/")
    command = command.replace("HOST", host).replace(":PORT", f":{host.rpartition(':')[2]}")
    command = re.sub(r"^http ", f"{HTTPIE} --check-status --body ", re.sub(r"^curl ", "curl -sSf ", command))
    with _terminal() as terminal:
        # As typed in a terminal: HTTPie would read a body from anything else.
        done = subprocess.run(  # noqa: S602 - the commands stand below
            command,
            shell=True,
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _terminal() -> Iterator[int]:
    outer, inner = os.openpty()
    try:
        yield inner
    finally:
        os.close(outer)
        os.close(inner)


def ask(stack: Stack) -> str:
    """Post the brief's example and return the id from its answer."""
    answer = shell(
        """curl -X POST http://HOST/reports -H "Content-Type: application/json" -d '{"topic": "The Roman Empire"}'""",
        stack,
    )
    assert re.fullmatch(rf'\{{"jobId":"{UUID}"\}}', answer)
    job_id: str = json.loads(answer)["jobId"]
    return job_id


def look(stack: Stack, job_id: str) -> Json:
    job: Json = json.loads(shell(f"curl http://HOST/reports/{job_id}", stack))
    return job


def test_curl_a_report_that_waits(bare: Stack) -> None:
    job_id = ask(bare)
    job = look(bare, job_id)

    assert job | {"jobId": job_id, "status": "pending"} == job
    assert "report" not in job
    assert "error" not in job


def test_curl_a_report_to_its_end(stack: Stack) -> None:
    job_id = ask(stack)
    until(lambda: look(stack, job_id)["status"] == "completed")
    job = look(stack, job_id)

    assert job["jobId"] == job_id
    assert job["report"]["topic"] == TOPIC
    assert job["report"]["outline"][0].startswith("I. ")
    assert list(job["report"]["sections"]) == job["report"]["outline"]
    assert all(isinstance(text, str) and len(text) > 100 for text in job["report"]["sections"].values())


def test_curl_a_report_that_fails(stack: Stack) -> None:
    stack.model.use([Rule(kind="outline", do=NAMED["401"])])
    job_id = ask(stack)
    until(lambda: look(stack, job_id)["status"] == "failed")
    job = look(stack, job_id)

    assert job["jobId"] == job_id
    assert job["error"].startswith("Outline failed: The model server rejected the API key")
    assert "report" not in job


def test_httpie_a_report_to_its_end(stack: Stack) -> None:
    answer = json.loads(shell(f'http POST :PORT/reports topic="{TOPIC}"', stack))
    job_id = answer["jobId"]
    stack.when(job_id, "completed")
    job = json.loads(shell(f"http :PORT/reports/{job_id}", stack))

    assert list(answer) == ["jobId"]
    assert job == stack.get(job_id)
    assert job["report"]["topic"] == TOPIC
