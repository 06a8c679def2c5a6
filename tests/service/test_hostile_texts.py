"""What a model writes is bounded, numbered once, and without control characters, through real processes."""

import json
import re

import pytest

from tests.hostile_texts import FAMILIES
from tests.scripted_model import Answer, Rule, Setup
from tests.service.stack import Stack

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def strings(value: object) -> list[str]:
    """All texts of a JSON value, keys included."""
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    "kind", ["bullets", "its own title", "short lines", "open fences", "nested bullets", "emphasis"]
)
def test_a_section_of_half_a_megabyte_is_cut_and_delays_nobody(stack: Stack, kind: str) -> None:
    hostile = Answer(content="Rome began.\n\n" + FAMILIES[kind](512_000) + "\n\nIt ended.")
    stack.model.use([Rule(kind="section", topic="Hostile", do=hostile)], Setup(sections=2))
    hostile_id = stack.submit("Hostile", checks="report")
    others = [stack.submit(f"Neighbours {at}") for at in range(5)]

    assert all(len(stack.when(job_id, "completed")["report"]["sections"]) == 2 for job_id in others)
    sections = stack.when(hostile_id, "completed")["report"]["sections"]

    assert all(text.startswith("Rome began.") and len(text) < 50_000 for text in sections.values())


def test_a_report_has_no_control_characters(stack: Stack) -> None:
    nasty = "\x00\x1b[31m\x07\x7f\x9b\u202e"
    outline = json.dumps({"sections": [{"title": f"Ori{nasty}gins", "covers": f"How{nasty}"}, {"title": "Fall"}]})
    texts = f"{nasty}Rome{nasty} began.\r\n\u2028It {nasty} grew.{nasty}"
    stack.model.use([Rule(kind="outline", do=Answer(content=outline)), Rule(kind="section", do=Answer(content=texts))])

    job = stack.when(stack.submit("Controls", checks="report"), "completed")

    assert [text for text in strings(job) if CONTROLS.search(text)] == []
    assert all("Rome[31m began.\n" in text for text in job["report"]["sections"].values())


def test_a_description_of_megabytes_stands_in_no_prompt(stack: Stack) -> None:
    outline = json.dumps({"sections": [{"title": "Origins", "covers": "word " * 1_000_000}, {"title": "Fall"}]})
    stack.model.use([Rule(kind="outline", do=Answer(content=outline))])

    job = stack.when(stack.submit("Descriptions"), "completed")

    assert job["report"]["outline"] == ["I. Origins", "II. Fall"]
    assert stack.model.count() == 3
    assert max(len(call.raw) for call in stack.model.calls()) < 5_000


def test_headings_of_another_script_are_numbered_once(stack: Stack) -> None:
    outline = json.dumps({"sections": [{"title": "一、起源"}, {"title": "二、衰落"}]}, ensure_ascii=False)
    section = Answer(content="## 一、起源\n\n罗马始于一个村庄。")
    rules = [Rule(kind="outline", do=Answer(content=outline)), Rule(kind="section", index=1, do=section)]
    stack.model.use(rules)

    report = stack.when(stack.submit("罗马的历史"), "completed")["report"]

    assert report["outline"] == ["I. 起源", "II. 衰落"]
    assert report["sections"]["I. 起源"] == "罗马始于一个村庄。"


@pytest.mark.parametrize("topic", ["\u200b", "\ufeff\u2060", "\u00ad \u3164", "\u2800", "\U000e0041"])
def test_a_topic_that_shows_nothing_is_refused_like_an_empty_one(stack: Stack, topic: str) -> None:
    invisible, empty = (stack.http.post("/reports", json={"topic": text}) for text in (topic, ""))

    assert (invisible.status_code, invisible.json()["detail"]) == (empty.status_code, empty.json()["detail"])
    assert invisible.status_code == 422
