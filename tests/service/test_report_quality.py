"""Faults that a model plants in the sections of a report are removed, mended by one rewrite, or told."""

import signal
from collections import Counter

import pytest

from aether.domain.report import roman
from tests.event_streams import Received, parsed
from tests.scripted_model import Answer, Hang, Rule, Setup, expected_section, section_title
from tests.service.stack import Json, Stack
from tests.waiting import until

TOPIC = "The Lighthouse of Eddystone"
WORDS = 250
WITHOUT_FAULT = Setup(words=WORDS)
GERMAN = (
    "Der Leuchtturm stand auf einem Felsen weit vor der Küste, und die Arbeit daran war nur bei ruhigem Wetter "
    "möglich. Die Männer fuhren mit kleinen Booten hinaus und kehrten am Abend in den Hafen zurück. Viele Steine "
    "wurden an Land behauen und erst danach über das Meer gebracht. Jeder Block griff in seinen Nachbarn, damit keine "
    "Welle ihn lösen konnte. Das Holz dagegen faulte, und ein Feuer zerstörte den ersten Bau in einer einzigen Nacht. "
    "Danach wollte niemand mehr glauben, dass ein Turm an dieser Stelle Bestand haben würde. Erst ein Ingenieur, der "
    "sich an der Form einer Eiche orientierte, fand eine Lösung. Er ließ den Fuß breit und schwer werden und die Wand "
    "nach oben hin schmaler. Auch der Mörtel war neu, denn er wurde unter Wasser fest. Die Wärter lebten viele Wochen "
    "ohne Besuch, und im Winter fehlte es ihnen oft an Brot und Licht. Trotzdem blieb das Feuer an, weil die Schiffe "
    "sich darauf verließen. Heute gilt der Bau als Anfang einer ganzen Reihe von Türmen."
)


def clean(index: int) -> str:
    return expected_section(TOPIC, index, WORDS)


def half(index: int, which: int) -> str:
    return clean(index).split("\n\n")[which]


def heading(index: int) -> str:
    return f"{roman(index)}. {section_title(index)}"


FAULTS = {
    "cut_end": ("stripped", f"{clean(1)} The old harbour shaped the early custom without"),
    "preamble": ("stripped", f"Sure! Here is the section on how it came about:\n\n{clean(2)}"),
    "chatter": ("stripped", f"{clean(3)}\n\nLet me know if you would like me to expand on any of this."),
    "link": ("stripped", clean(4).replace("The ", "[The](https://elsewhere.test/x) ", 1)),
    "image": ("stripped", f"{clean(5)}\n\n![A map](https://elsewhere.test/map.png)"),
    "reference_list": (
        "stripped",
        f"{clean(6)}\n\n### References\n\n1. Smith, J. (2010). Lighthouses.\n2. Jones, A. (2012). Stones at Sea.",
    ),
    "placeholder": ("rewritten", f"{clean(7)} The cost was [insert figure here] a year."),
    "loop": ("rewritten", "The old harbour shaped the early custom for many years. " * 25),
    "long_sentence": ("rewritten", f"{half(9, 0)}\n\n{half(20, 1).replace('. ', ', and ')}"),
    "language": ("rewritten", GERMAN),
    "duplicate": ("rewritten", f"{half(1, 0)}\n\n{half(11, 1)}"),
    "length": ("rewritten", "It is short."),
    "closing": ("reported", f"{clean(13)}\n\nIn conclusion, the method and the custom remained what they had been."),
}
"""What becomes of each kind of fault, and a section with it; the position is that of the section."""


def plant(*texts: str) -> list[Rule]:
    """Return rules by which the sections first have these texts; a rewrite has the default one."""
    return [Rule(kind="section", index=at, do=Answer(content=text)) for at, text in enumerate(texts, 1)]


def plain(text: str) -> str:
    return " ".join(text.split())


def events_of(stack: Stack, job_id: str) -> list[Received]:
    return parsed(stack.http.get(f"/reports/{job_id}/events?after=1").content)


@pytest.fixture
def planted(stack: Stack) -> tuple[Stack, str]:
    """A report with every kind of fault, one for each section, and a last section without any."""
    stack.model.use(plant(*(text for _, text in FAULTS.values())), WITHOUT_FAULT)
    job_id = stack.submit(TOPIC, sections=len(FAULTS) + 1)
    stack.when(job_id, "completed")
    return stack, job_id


def test_each_kind_of_fault_is_removed_mended_or_told(planted: tuple[Stack, str]) -> None:
    stack, job_id = planted
    job = stack.get(job_id)

    found = [(issue["code"], issue["section"], issue["action"]) for issue in job["quality"]["issues"]]
    assert found == [(code, heading(at), action) for at, (code, (action, _)) in enumerate(FAULTS.items(), 1)]
    for at, (code, (action, text)) in enumerate(FAULTS.items(), 1):
        expected = text if action == "reported" else clean(at)
        assert plain(job["report"]["sections"][heading(at)]) == plain(expected), code
    assert Counter(call.kind for call in stack.model.calls()) == {"outline": 1, "section": 14, "rewrite": 6}
    assert {rewrite["section"] for rewrite in job["quality"]["rewrites"] if rewrite["kept"]} == {
        heading(at) for at in range(7, 13)
    }
    assert set(job["quality"]["languages"].values()) == {"en"}


def test_whoever_streams_ends_with_the_same_report(planted: tuple[Stack, str]) -> None:
    stack, job_id = planted
    events = events_of(stack, job_id)

    sections = {event.data["heading"]: event.data["text"] for event in events if event.name == "section"}
    assert events[-1].data == (job := stack.get(job_id))
    assert sections == job["report"]["sections"]
    assert Counter(event.name for event in events)["section"] == 14 + 6
    assert [event.data for event in events if event.name == "quality"] == [job["quality"]]


def test_a_report_without_faults_tells_none_and_how_long_it_is(stack: Stack) -> None:
    stack.model.use([], WITHOUT_FAULT)
    job = stack.when(stack.submit(TOPIC), "completed")

    assert job["quality"]["issues"] == job["quality"]["rewrites"] == []
    assert stack.model.count(kind="section") == len(stack.model.calls()) - 1 == 8
    words = {heading: len(text.split()) for heading, text in job["report"]["sections"].items()}
    assert job["statistics"]["sections"] == words
    assert job["statistics"]["words"] == sum(words.values())
    assert job["statistics"]["readingMinutes"] == round(sum(words.values()) / job["statistics"]["wordsPerMinute"], 1)


@pytest.mark.parametrize(("checks", "actions"), [("off", []), ("report", ["reported"]), ("rewrite", ["rewritten"])])
def test_a_request_says_what_is_done_with_faults(stack: Stack, checks: str, actions: list[str]) -> None:
    stack.model.use(plant("It is short."), WITHOUT_FAULT)
    job = stack.when(stack.submit(TOPIC, sections=2, checks=checks), "completed")

    assert [issue["action"] for issue in job["quality"]["issues"]] == actions
    assert ("check" in {step["name"] for step in job["steps"]}) is (checks != "off")
    assert stack.model.count(kind="rewrite") == (checks == "rewrite")


def test_what_is_derived_stands_beside_the_sections(stack: Stack) -> None:
    stack.model.use([], WITHOUT_FAULT)
    wishes: Json = {"summary": {"words": 60}, "conclusion": True, "keyPoints": {"count": 3}, "glossary": True}
    job = stack.when(job_id := stack.submit(TOPIC, sections=2, **wishes), "completed")

    report = job["report"]
    assert list(report) == ["topic", "outline", "sections", "summary", "conclusion", "keyPoints", "glossary"]
    assert (len(report["keyPoints"]), set(report["glossary"][0])) == (3, {"term", "definition"})
    assert job["counts"] == {"total": 8, "pending": 0, "running": 0, "done": 8, "failed": 0}
    told = {event.name: event.data[event.name] for event in events_of(stack, job_id) if event.name in wishes}
    assert told == {name: report[name] for name in wishes}
    assert job["statistics"]["words"] > sum(job["statistics"]["sections"].values())


def test_a_worker_that_is_killed_repeats_no_rewrite_and_nothing_derived(bare: Stack) -> None:
    """It is killed while one of two sections is written again, and its successor while the last part is derived."""
    held = [
        Rule(kind="rewrite", index=2, nth=1, do=Hang()),
        Rule(kind="derived", contains="Write the glossary", times=1, do=Hang()),
    ]
    bare.model.use([*plant("It is short.", "This is, too."), *held], WITHOUT_FAULT)
    bare.start_worker()
    job_id = bare.submit(TOPIC, sections=4, summary=True, keyPoints=True, glossary=True)
    for step in ("rewrite:0", "derived:keyPoints"):
        until(lambda step=step: step in done(bare, job_id) and bare.model.in_flight == 1)  # type: ignore[misc]
        bare.end_workers(signal.SIGKILL)
        bare.start_worker()
    job = bare.when(job_id, "completed")

    assert {plain(text) for text in job["report"]["sections"].values()} == {plain(clean(at)) for at in range(1, 5)}
    calls = Counter(f"{call.kind} {call.title or call.index}" for call in bare.model.calls() if call.kind != "outline")
    again = {f"rewrite {section_title(2)}", "derived glossary"}
    assert {name for name, count in calls.items() if count == 2} == again
    assert sum(calls.values()) == 4 + 2 + 3 + len(again)
    assert job["attempts"] == []


def done(stack: Stack, job_id: str) -> set[str]:
    return {step["name"] for step in stack.get(job_id)["steps"] if step["status"] == "done"}
