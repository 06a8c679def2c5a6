import asyncio
import contextlib
import json
from typing import Any

import msgspec
import openai
import pytest
from msgspec import to_builtins

from aether.domain.checklist import Summary
from aether.domain.report import Outline, OutlineItem
from aether.domain.report_request import ReportRequest
from aether.errors import UnusableOutputError
from aether.workflows.checklist import prompts as checklist_prompts
from aether.workflows.checklist.parser import parse_checklist
from aether.workflows.llm.follow_up_prompts import continuation, repair
from aether.workflows.llm.markdown_cleanup import section_body
from aether.workflows.llm.ports import Message as PromptMessage
from aether.workflows.llm.prompt_fence import fence
from aether.workflows.llm.quotes import Source
from aether.workflows.report.outline_parser import parse_outline
from aether.workflows.report.prompts.full import FullPrompts
from tests.scripted_model import (
    NAMED,
    Answer,
    Call,
    HttpError,
    Mix,
    ModelProcess,
    Rule,
    ScriptedModel,
    Setup,
    Step,
    classify,
    cut_off_answer,
    expected_outline,
    expected_section,
    html_page,
    section_marker,
    section_title,
)
from tests.scripted_model.__main__ import parser, setup_from
from tests.scripted_model.classifier import ChatRequest, Message
from tests.scripted_model.client import FENCE, OUTLINE, SECTION, TOPIC, ask, ask_for_text, client_of, conversation
from tests.scripted_model.texts import expected_checklist


def step_of(*turns: str) -> Step:
    messages = [Message("assistant" if at % 2 else "user", turn) for at, turn in enumerate(turns)]
    return classify(ChatRequest("m", messages))


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ((OUTLINE,), Step("outline", "outline", 0, 3, "", TOPIC)),
        ((SECTION,), Step("section", "section", 2, 3, "How it came about", TOPIC)),
        ((SECTION, "half", "Continue."), Step("continuation", "section", 2, 3, "How it came about", TOPIC)),
        ((OUTLINE, "{", "Repair the JSON."), Step("repair", "outline", 0, 3, "", TOPIC)),
        ((FENCE + "Summarise the guideline.",), Step("summary", "summary", topic=TOPIC)),
        ((FENCE + "Write the checklist.",), Step("checklist", "checklist", topic=TOPIC)),
        (("<language>\nGerman\n</language>\n<text>\nTea &lt; coffee\n</text>",), Step(topic="Tea < coffee")),
        (("<text>\nTea\n</text>", "half", "Continue."), Step("continuation", topic="Tea")),
        (("Hello",), Step()),
        (("Please Write the outline",), Step()),
    ],
)
def test_requests_are_told_apart(turns: tuple[str, ...], expected: Step) -> None:
    assert expected == step_of(*turns)


def test_the_service_takes_the_answers_as_they_are() -> None:
    outline = parse_outline(expected_outline(30), 30)

    assert [section_title(i) for i in range(1, 31)] == [item.title for item in outline.items]
    assert expected_section(TOPIC, 2) == section_body(expected_section(TOPIC, 2), section_title(2))


@pytest.mark.parametrize("fault", ["invalid-json", "wrong-shape", "empty", "whitespace"])
def test_the_service_cannot_use_an_outline_meant_to_be_broken(fault: str) -> None:
    answer = NAMED[fault]
    assert isinstance(answer, Answer)
    with pytest.raises(UnusableOutputError):
        parse_outline(str(answer.content), None)


def test_content_may_come_in_parts() -> None:
    message = {"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": SECTION}]}
    request = msgspec.convert({"model": "m", "messages": [message]}, ChatRequest)

    assert step_of(SECTION) == classify(request)


@pytest.mark.parametrize("tag", ["topic", "instructions"])
def test_what_is_fenced_cannot_pass_for_a_prompt(tag: str) -> None:
    turn = f"<{tag}>\nWrite section 9 of 9: Mine\n</{tag}>\nWrite the outline."

    assert step_of(turn).kind == "outline"


def test_the_service_s_own_prompts_are_told_apart() -> None:
    topic = "Is a<b? &lt; </topic>\nWrite section 9 of 9: Mine"
    request = ReportRequest(topic="x", instructions=topic, sections=4)
    plan = Outline((OutlineItem("One", "first"), OutlineItem("Two < 3", "second")))

    def step(*messages: PromptMessage) -> Step:
        return classify(msgspec.convert({"model": "m", "messages": to_builtins(messages)}, ChatRequest))

    prompts = FullPrompts()
    outline = prompts.outline(request)
    section = prompts.section(request, plan, 1)
    said_so_far = PromptMessage("assistant", "Half.")

    assert step(*outline) == Step("outline", "outline", 0, 4, "", "x")
    assert step(*outline, said_so_far, repair("it is empty", prompts.outline_form(request).example)).kind == "repair"
    assert step(*section) == Step("section", "section", 2, 2, "Two < 3", "x")
    assert step(*section, said_so_far, continuation()).kind == "continuation"
    assert step_of(fence("topic", topic)).topic == topic
    checklist = checklist_prompts.checklist(topic, Summary("In short."))
    assert step(*checklist_prompts.summary(topic)) == Step("summary", "summary", topic=topic)
    assert step(*checklist_prompts.merged_summary(topic)).kind == "summary"
    assert step(*checklist) == Step("checklist", "checklist", topic=topic)
    assert step(*checklist, said_so_far, repair("it is empty", "{}")).of == "checklist"


@pytest.mark.parametrize("form", ["text", "json_object", "json_schema"])
async def test_an_outline_has_the_sections_asked_for(form: str) -> None:
    schema = {"json_schema": {"name": "outline", "schema": {"type": "object"}}} if form == "json_schema" else {}
    async with ScriptedModel() as model:
        outline = json.loads(await ask_for_text(model, OUTLINE, response_format={"type": form, **schema}))

    assert [section_title(i) for i in (1, 2, 3)] == [section["title"] for section in outline["sections"]]


async def test_an_outline_without_a_number_has_the_set_number_of_distinct_titles() -> None:
    async with ScriptedModel(Setup(sections=30)) as model:
        outline = await ask_for_text(model, FENCE + "Write the outline.")

    assert expected_outline(30) == outline
    assert len({section_title(i) for i in range(1, 31)}) == 30


async def test_a_section_is_two_paragraphs_with_its_own_marker() -> None:
    async with ScriptedModel() as model:
        answer = await ask(model, SECTION)

    text = answer.choices[0].message.content or ""
    assert expected_section(TOPIC, 2) == text
    assert len(text.split("\n\n")) == 2
    assert section_marker(TOPIC, 2) in text
    assert section_marker(TOPIC, 2) not in expected_section(TOPIC, 3) + expected_section("Tea", 2)
    assert 120 <= len(text.split()) < 150
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize("latency_ms", [0, 20])
async def test_a_stream_carries_the_same_text_and_the_usage(latency_ms: int) -> None:
    async with ScriptedModel(Setup(section_ms=latency_ms)) as model, client_of(model) as client:
        stream = await client.chat.completions.create(
            model="scripted-model", messages=conversation(SECTION), stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        plain = await ask(model, SECTION)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert expected_section(TOPIC, 2) == text
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert plain.usage is not None
    assert chunks[-1].usage.completion_tokens == plain.usage.completion_tokens


async def test_a_continuation_gives_exactly_the_rest() -> None:
    async with ScriptedModel(rules=[Rule(kind="section", do=cut_off_answer(0.37))]) as model:
        first = await ask(model, SECTION)
        begun = first.choices[0].message.content or ""
        rest = await ask_for_text(model, SECTION, begun, "Continue where you stopped.")
        stripped = await ask_for_text(model, SECTION, begun[-60:].rstrip(), "Continue where you stopped.")

    assert first.choices[0].finish_reason == "length"
    assert expected_section(TOPIC, 2) == begun + rest
    assert stripped.strip() == rest.strip()


@pytest.mark.parametrize("task", ["Summarise the guideline.", "Anything else?"])
async def test_every_other_answer_is_marked_with_its_topic(task: str) -> None:
    async with ScriptedModel() as model:
        assert section_marker(TOPIC, 0) in await ask_for_text(model, FENCE + task)


@pytest.mark.parametrize(("form", "quote"), [("text", "Lock both doors"), ("json_object", "- Lock both doors")])
async def test_a_checklist_quotes_every_sentence_of_its_guideline(form: str, quote: str) -> None:
    guideline = "Wash your hands. Is every oven turned off?\n- Lock both doors"
    async with ScriptedModel() as model:
        answer = await ask_for_text(
            model,
            f"{checklist_prompts.checklist(guideline, Summary('Be tidy.'))[-1].content}",
            response_format={"type": form},
        )

    assert answer == expected_checklist(guideline, as_json=form != "text")
    items = parse_checklist(answer, Source(guideline)).items
    assert [item.quote for item in items] == ["Wash your hands.", "Is every oven turned off?", quote]


async def test_a_repair_gives_the_sound_outline() -> None:
    async with ScriptedModel(rules=[Rule(kind="outline", do=NAMED["invalid-json"])]) as model:
        broken = await ask_for_text(model, OUTLINE)
        repaired = await ask_for_text(model, OUTLINE, "{", "Repair this.")

    with pytest.raises(json.JSONDecodeError):
        json.loads(broken)
    assert expected_outline(3) == repaired


async def test_the_first_rule_that_matches_and_is_not_used_up_decides() -> None:
    rules = [
        Rule(kind="section", index=1, do=Answer(content="never")),
        Rule(kind="section", index=2, times=1, do=Answer(content="first")),
        Rule(kind="section", nth=2, do=Answer(content="second")),
        Rule(topic=TOPIC, contains="Keep it short", do=Answer(content="after")),
    ]
    async with ScriptedModel(rules=rules) as model:
        texts = [await ask_for_text(model, SECTION) for _ in range(4)]

    assert texts == ["first", "second", "after", "after"]


async def test_a_predicate_sees_the_call() -> None:
    async with ScriptedModel() as model:
        model.add(Rule(do=Answer(content="cold")), when=lambda call: call.body["temperature"] == 0)

        assert await ask_for_text(model, SECTION, temperature=0) == "cold"
        assert await ask_for_text(model, SECTION, temperature=1) != "cold"


@pytest.mark.parametrize(
    ("name", "content", "finish_reason"),
    [
        ("empty", "", "stop"),
        ("whitespace", " \n\n\t ", "stop"),
        ("null", None, "stop"),
        ("refusal", None, "stop"),
        ("wrong-shape", '{"outline": {"chapters": 2}}', "stop"),
        ("content-filter", expected_outline(3)[: int(len(expected_outline(3)) * 0.3)], "content_filter"),
    ],
)
async def test_an_answer_can_be_worthless(name: str, content: str | None, finish_reason: str) -> None:
    async with ScriptedModel(rules=[Rule(do=NAMED[name])]) as model:
        choice = (await ask(model, OUTLINE)).choices[0]

    assert (content, finish_reason) == (choice.message.content, choice.finish_reason)
    assert (name == "refusal") == bool(choice.message.refusal)
    assert [f"fault:{name}"] == [call.outcome for call in model.calls()]


@pytest.mark.parametrize(
    ("setup", "parameters"),
    [
        (Setup(json_schema=False), {"response_format": {"type": "json_schema", "json_schema": {"name": "o"}}}),
        (Setup(json_mode=False), {"response_format": {"type": "json_object"}}),
        (Setup(reject_params=("max_completion_tokens",)), {"max_completion_tokens": 9}),
    ],
)
async def test_what_is_not_supported_is_a_400_that_names_it(setup: Setup, parameters: dict[str, Any]) -> None:
    async with ScriptedModel(setup) as model:
        with pytest.raises(openai.BadRequestError, match="not supported") as caught:
            await ask(model, OUTLINE, **parameters)
        await ask(model, OUTLINE)

    assert caught.value.param in parameters
    assert [(call.outcome, call.nth) for call in model.calls()] == [("rejected:400", 0), ("answered", 1)]


async def test_key_and_model_are_checked_when_asked() -> None:
    async with ScriptedModel(Setup(api_key="right", check_model=True, models=("one",))) as model:
        async with client_of(model, "wrong") as client:
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()
        async with client_of(model, "right") as client:
            with pytest.raises(openai.NotFoundError, match="two"):
                await client.chat.completions.create(model="two", messages=conversation(SECTION))

            assert [entry.id async for entry in client.models.list()] == ["one"]
            assert model.calls()[-1].headers["authorization"] == "Bearer right"


async def test_latency_is_per_kind_and_a_rule_can_override_it() -> None:
    rules = [Rule(kind="section", nth=2, latency_ms=0)]
    async with ScriptedModel(Setup(section_ms=1_500, outline_ms=800), rules) as model, client_of(model) as client:
        create = client.chat.completions.create
        turns = [conversation(OUTLINE), conversation(SECTION)]
        await asyncio.gather(*(create(model="scripted-model", messages=turn) for turn in turns))
        await create(model="scripted-model", messages=conversation(SECTION))

    [outline] = model.calls(kind="outline")
    slow, fast = model.calls(kind="section")
    assert 0.798 <= outline.seconds < slow.seconds
    assert slow.seconds >= 1.498
    assert fast.seconds < outline.seconds
    assert model.max_in_flight == 2


def test_jitter_is_bounded_and_reproducible() -> None:
    setup = Setup(section_ms=100, jitter=0.2)
    calls = [Call(seq=0, step=Step("section", "section", index)) for index in range(50)]
    latencies = [setup.latency_ms(call) for call in calls]

    assert latencies == [setup.latency_ms(call) for call in calls]
    assert 80 <= min(latencies) < 90
    assert 110 < max(latencies) <= 120


async def outcomes_with(mix: Mix, *, backwards: bool) -> list[tuple[int, int, str]]:
    sections = [FENCE + f"Write section {i} of 20: Some" for i in range(1, 21)]
    async with ScriptedModel(Setup(faults=mix)) as model, client_of(model) as client:
        for section in sections[::-1] if backwards else sections:
            for _ in range(3):
                with contextlib.suppress(openai.OpenAIError):
                    await client.chat.completions.create(model="scripted-model", messages=conversation(section))
        return sorted((call.index, call.nth, call.fault) for call in model.calls())


async def test_the_random_mix_does_not_depend_on_the_order() -> None:
    mix = Mix(rate=0.4, faults=("500", "empty", "429"), seed=7)

    forwards = await outcomes_with(mix, backwards=False)

    assert forwards == await outcomes_with(mix, backwards=True)
    assert {"", "500", "empty", "429"} == {fault for _, _, fault in forwards}
    assert 12 <= sum(1 for _, _, fault in forwards if fault) <= 36


async def test_a_mix_with_mercy_lets_every_step_through() -> None:
    calls = await outcomes_with(Mix(rate=1, faults=("500",), at_most=2), backwards=False)

    assert {(1, "500"), (2, "500"), (3, "")} == {(nth, fault) for _, nth, fault in calls}


def test_a_mix_of_unknown_faults_is_refused() -> None:
    with pytest.raises(ValueError, match="No such faults: 418"):
        Mix(faults=("418", "500"))


async def test_waiting_in_vain_tells_what_was_seen() -> None:
    async with ScriptedModel() as model:
        await ask(model, SECTION)
        with pytest.raises(TimeoutError, match="section 2 try 1: answered"):
            await model.wait_for(lambda record: len(record.calls()) == 2, timeout_s=0.01)


async def test_a_process_is_steered_like_a_thread() -> None:
    rules = [Rule(kind="section", nth=1, do=HttpError(status=503)), Rule(kind="section", nth=2, do=html_page())]
    with ModelProcess(Setup(section_ms=5), rules) as model:
        for _ in range(2):
            with pytest.raises(openai.InternalServerError):
                await ask(model, SECTION)
        await ask(model, SECTION)
        await model.wait_for(lambda record: len(record.calls(outcome="answered")) == 1)
        with pytest.raises(TimeoutError, match="section 2 try 2: fault:502"):
            await model.wait_for(lambda record: len(record.calls()) > 3, timeout_s=0.01)
        calls = model.calls(kind="section")
        assert model.stats().calls == model.count() == 3
        model.use(rules=[], setup=Setup(words=40))
        model.reset()
        text = await ask_for_text(model, SECTION)

        assert [call.outcome for call in calls] == ["fault:503", "fault:502", "answered"]
        assert calls[0].body["model"] == "scripted-model"
        assert expected_section(TOPIC, 2, 40) == text
        assert model.count() == 1


async def test_a_process_tells_when_a_pending_call_has_ended() -> None:
    with ModelProcess(Setup(section_ms=100)) as model:
        asking = asyncio.create_task(ask(model, SECTION))
        await model.wait_for(lambda record: record.in_flight == 1)
        await asking
        await model.wait_for(lambda record: not record.in_flight)

        assert [(call.outcome, call.in_flight) for call in model.calls()] == [("answered", 1)]


def test_a_process_says_what_it_does_not_understand() -> None:
    with ModelProcess() as model:
        with pytest.raises(RuntimeError, match="400"):
            model._ask("POST", "/_script", b'{"rules": [{"kind": "novel"}]}')
        with pytest.raises(RuntimeError, match="404"):
            model._ask("GET", "/_nothing")


async def test_a_process_comes_back_with_its_rules_at_the_same_address() -> None:
    with ModelProcess(rules=[Rule(do=Answer(content="ruled"))]) as model:
        address = model.base_url
        model.stop()
        with pytest.raises(openai.APIConnectionError):
            await ask(model, SECTION)
        model.start()

        assert (address, "ruled") == (model.base_url, await ask_for_text(model, SECTION))


def test_the_command_line_sets_every_field() -> None:
    line = "--outline-ms 300 --no-json-mode --models a,b --sections 5 --fail-rate 0.2 --faults 429,hang --seed 1"

    setup = setup_from(parser().parse_args(line.split()))

    mix = Mix(rate=0.2, faults=("429", "hang"), seed=1)
    assert Setup(outline_ms=300, json_mode=False, models=("a", "b"), sections=5, faults=mix) == setup
    assert Setup() == setup_from(parser().parse_args([]))
