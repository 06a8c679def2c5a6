from aether.domain.job import Kind
from aether.durable.retry import RetryPolicy
from aether.workflows.definition import ModelServer, Workflow
from aether.workflows.registry import WORKFLOWS

POLICY = RetryPolicy(attempts=3, base=0.5, cap=10.0, total=100.0)


def test_every_kind_has_a_workflow() -> None:
    assert [kind for kind in WORKFLOWS if kind.is_known] == list(Kind)
    assert all(isinstance(workflow, Workflow) for workflow in WORKFLOWS.values())


def test_only_images_come_from_the_server_of_images() -> None:
    assert {kind for kind in Kind if WORKFLOWS[kind].server is ModelServer.IMAGES} == {Kind.IMAGE}


def test_a_text_is_retried_as_its_server_s_policy_says() -> None:
    assert WORKFLOWS[Kind.REPORT].retry(POLICY) == WORKFLOWS[Kind.CHECKLIST].retry(POLICY) == POLICY


def test_an_image_is_retried_after_ever_longer_waits() -> None:
    assert WORKFLOWS[Kind.IMAGE].retry(POLICY) == RetryPolicy(
        attempts=3, base=0.5, cap=100.0, total=100.0, overload_uses_attempts=True, increasing=True
    )
