import msgspec
import pytest

from aether.api import kinds as api
from aether.cli.client.job_kind import JobKind
from aether.cli.kinds import KINDS
from aether.cli.output.job_state import JobState
from aether.domain.job import Kind


def test_every_kind_has_an_entry() -> None:
    assert [kind for kind in KINDS if kind.is_known] == list(Kind)


def test_no_two_kinds_share_a_command_or_a_path() -> None:
    kinds = list(KINDS.values())
    assert len({kind.command.name for kind in kinds}) == len(kinds)
    assert len({kind.path for kind in kinds}) == len(kinds)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_status_of_a_newer_server_is_shown_as_it_is_and_is_no_end(kind: JobKind[JobState]) -> None:
    body = rb'{"status":"paused \u001b[31m","mood":{"calm":true},"progress":0.5,"steps":[{"name":"a","lane":1}]}'

    state = msgspec.json.decode(body, type=kind.state)

    assert (state.outcome, state.activity) == (None, "paused [31m")


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("status", ["pending", "processing", "running", "PENDING"])
def test_a_job_that_no_worker_works_on_says_so(kind: JobKind[JobState], status: str) -> None:
    fields = {"status": status, "waitingFor": "worker", "waiting_for": "worker"}

    state = msgspec.json.decode(msgspec.json.encode(fields), type=kind.state)

    assert (state.outcome, state.activity) == (None, "waiting: no worker is running")


def test_the_command_line_and_the_api_agree_on_the_paths() -> None:
    assert {kind: entry.path for kind, entry in KINDS.items()} == {
        kind: resource.path for kind, resource in api.KINDS.items()
    }
