import pytest

from aether.cli.kinds.checklist import ChecklistState, Item, checklist_document
from aether.cli.output.progress_events import StepFinished

RUNNING = ChecklistState("running")
SUMMARISED = ChecklistState("running", "Wash, then cook.")
SUCCEEDED = ChecklistState("succeeded", "Wash, then cook.", "- Wash.\n- Cook.")


def test_events_are_what_has_happened_since_the_previous_state() -> None:
    assert list(RUNNING.events_since(None)) == []
    assert list(SUMMARISED.events_since(RUNNING)) == [StepFinished("summary", "3 words", text="Wash, then cook.")]
    assert list(SUCCEEDED.events_since(SUMMARISED)) == [StepFinished("checklist", "2 items")]
    assert [event.label for event in SUCCEEDED.events_since(None)] == ["summary", "checklist"]
    assert list(SUCCEEDED.events_since(SUCCEEDED)) == []


def test_a_state_says_how_far_the_checklist_is() -> None:
    assert ChecklistState("pending").activity == "waiting for a worker"
    assert (RUNNING.activity, RUNNING.progress) == ("summarising the guideline", 0.0)
    assert (SUMMARISED.activity, SUMMARISED.progress) == ("writing the checklist", 0.5)
    assert SUCCEEDED.progress == 1.0


@pytest.mark.parametrize(
    ("state", "document"),
    [
        (RUNNING, ""),
        (ChecklistState("failed", "Wash\x1b, then cook."), "Wash, then cook.\n"),
        (ChecklistState("succeeded", "Wash.", "- Wash.\n- Cook.\x07"), "- Wash.\n- Cook.\n"),
    ],
)
@pytest.mark.parametrize("quotes", [False, True])
def test_the_document_is_the_bullets_and_before_that_the_summary(
    state: ChecklistState, document: str, *, quotes: bool
) -> None:
    assert checklist_document(state, quotes=quotes) == document


def test_quotes_are_below_their_items() -> None:
    items = (Item("Wash.", "wash your\nhands"), Item("Cook.", "- and cook"))
    state = ChecklistState("succeeded", "Wash.", "- Wash.\n- Cook.", items)
    assert checklist_document(state, quotes=True) == "- Wash.\n  > wash your hands\n- Cook.\n  > \\- and cook\n"
