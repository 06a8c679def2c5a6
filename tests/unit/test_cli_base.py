import pytest

from aether.cli.kinds.base import BaseJobState, Step
from aether.cli.output.progress_events import StepFinished

STEPS = (Step("split", status="done"), Step("paragraph:0", "Rise", "running"), Step("paragraph:1"))
RUNNING = BaseJobState("processing", steps=STEPS)
COMPLETED = BaseJobState("completed", steps=tuple(Step(step.name, step.title, "done") for step in STEPS))


def test_events_are_the_steps_that_have_finished_since_the_previous_state() -> None:
    assert list(RUNNING.events_since(None)) == [StepFinished("split", "done")]
    assert list(COMPLETED.events_since(RUNNING)) == [StepFinished("Rise", "done"), StepFinished("paragraph:1", "done")]
    assert list(COMPLETED.events_since(COMPLETED)) == []


@pytest.mark.parametrize(
    ("state", "activity", "completed_work"),
    [
        (BaseJobState("pending", steps=STEPS), "waiting for a worker", "1 of 3 steps were finished"),
        (BaseJobState("processing"), "running", "no step was finished"),
        (RUNNING, "1 of 3 steps", "1 of 3 steps were finished"),
    ],
)
def test_a_state_says_how_many_steps_are_done(state: BaseJobState, activity: str, completed_work: str) -> None:
    assert (state.activity, state.completed_work) == (activity, completed_work)
