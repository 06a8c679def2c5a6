"""Read tokens through real processes, and as the documents type them."""

import json
import re
import shutil
from pathlib import Path

import httpx2
import pytest

from tests.event_streams import parsed
from tests.service.stack import Stack
from tests.service.test_brief import shell
from tests.waiting import PATIENCE_S, until

TOPIC = "The Keys of Saint Peter"
STREAMS = (Path(__file__).parents[2] / "docs" / "streams.md").read_text(encoding="utf-8")
_, SECTION = STREAMS.split("\n## In a browser\n")
COMMANDS = re.findall(r"^\$ (.*)$", SECTION, re.MULTILINE)


def test_a_token_follows_its_job_to_the_end_and_leaves_no_trace(stack: Stack) -> None:
    """Neither in a log nor in what Redis writes down: the log of its commands is one of the files."""
    job_id = stack.submit(TOPIC)
    # The answers to `stack.http` are among what may hold no secret.
    with httpx2.Client(base_url=stack.url, timeout=PATIENCE_S) as http:
        token = http.post(f"/reports/{job_id}/token").json()
        stack.secrets.append(token["token"].removeprefix("aejt_"))
        events = parsed(http.get(token["url"]).content)
        wrong = http.get(token["url"][:-1] + ("a" if token["url"][-1] != "a" else "b"))
    kept = stack.valkey.client.zcard(f"aether:tokens:{job_id}")

    assert (events[0].name, events[-1].name, wrong.status_code, kept) == ("snapshot", "completed", 401, 1)
    assert stack.leaks() == []
    assert stack.http.delete(f"/reports/{job_id}").status_code == 204
    # The worker takes its own mark off the queue a moment after the job has ended.
    until(lambda: stack.valkey.keys_of(job_id) == [])


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_what_the_document_types_is_answered(stack: Stack) -> None:
    job_id = stack.submit(TOPIC)
    stack.when(job_id, "completed")

    def typed(command: str, token: str = "") -> str:
        command = command.replace("127.0.0.1:8000", "HOST").replace("0d2f6c1e-…", job_id)
        return shell(command.replace("aejt_…", token), stack)

    ask, follow, look = COMMANDS
    token = json.loads(typed(ask))["token"]
    assert [event.name for event in parsed(typed(follow, token).encode())] == ["snapshot", "completed"]
    assert json.loads(typed(look, token))["jobId"] == job_id
