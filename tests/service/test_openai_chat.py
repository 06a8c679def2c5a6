import asyncio
import json

import pytest

from aether.domain.job import Usage
from aether.errors import ModelRejectedRequestError
from tests.scripted_model import NAMED, HttpError, Rule, ScriptedModel, Setup, Slow, Trickle, client_error
from tests.service.chat_factory import FORM, KEY, MESSAGES, OUTLINE_MESSAGES, open_chat
from tests.waiting import eventually


async def test_an_answer_comes_with_its_usage_and_is_whole() -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        reply = await chat.complete(MESSAGES)

        [call] = model.calls()
    assert "ref-" in reply.text
    assert not reply.cut_off
    assert (reply.usage.calls, reply.usage.output_tokens) == (1, len(reply.text) // 4)
    assert call.body == {
        "model": "scripted-model",
        "messages": [
            {"role": "system", "content": "You write."},
            {"role": "user", "content": "Write section 1 of 2: Origins"},
        ],
    }
    assert call.headers["authorization"] == f"Bearer {KEY}"


async def test_a_call_is_declared_as_json_and_does_not_describe_the_client_s_machine() -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        await chat.complete(MESSAGES)

        [call] = model.calls()
    assert call.headers["content-type"] == "application/json"
    assert [name for name in call.headers if name.startswith("x-stainless")] == []


@pytest.mark.parametrize(
    ("fault", "refusal"), [("refusal", "I cannot help with that."), ("content-filter", "its content filter stopped")]
)
async def test_a_refusal_comes_with_its_usage(fault: str, refusal: str) -> None:
    async with ScriptedModel(rules=[Rule(do=NAMED[fault])]) as model, open_chat(model) as chat:
        reply = await chat.complete(MESSAGES)

    assert refusal in (reply.refusal or "")
    assert reply.usage.input_tokens > 0


async def test_another_model_may_be_asked() -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        await chat.complete(MESSAGES, model="another")
        await chat.complete(MESSAGES)

        assert [call.model for call in model.calls()] == ["another", "scripted-model"]


async def test_the_operator_s_options_go_into_every_call_and_those_for_outlines_into_these_alone() -> None:
    options = {
        "AETHER_MODEL_OPTIONS": '{"temperature": 0.2, "top_p": 1}',
        "AETHER_OUTLINE_OPTIONS": '{"temperature": 0}',
    }
    async with ScriptedModel() as model, open_chat(model, **options) as chat:
        await chat.complete(MESSAGES)
        await chat.complete(OUTLINE_MESSAGES, form=FORM)

        assert [(call.body["temperature"], call.body["top_p"]) for call in model.calls()] == [(0.2, 1), (0, 1)]


async def test_a_call_needs_no_key() -> None:
    """Local servers need none, and the client insists on one."""
    async with ScriptedModel() as model, open_chat(model, OPENAI_API_KEY="") as chat:
        await chat.complete(MESSAGES)


@pytest.mark.parametrize(
    ("body", "text", "cut_off", "usage"),
    [
        ({"message": {"content": "Yes."}, "finish_reason": "stop"}, "Yes.", False, Usage(1)),
        ({"message": {"content": "Yes"}, "finish_reason": "length"}, "Yes", True, Usage(1)),
        ({"message": {"content": None}}, "", False, Usage(1)),
        ({"message": {}}, "", False, Usage(1)),
        ({"message": {"content": "<think>Hm.\n</think>\n\nYes."}}, "Yes.", False, Usage(1)),
        ({"message": {"content": "<think>Hm"}, "finish_reason": "length"}, "", True, Usage(1)),
        ({"message": {"content": "Write <think> first."}}, "Write <think> first.", False, Usage(1)),
        ({"message": {"content": "Yes.", "refusal": ""}, "finish_reason": None}, "Yes.", False, Usage(1)),
        ({"message": {"content": "Yes.", "tool_calls": [], "reasoning": "Hm."}, "index": 0}, "Yes.", False, Usage(1)),
    ],
)
async def test_answers_of_other_servers_are_understood(
    body: dict[str, object], text: str, cut_off: object, usage: Usage
) -> None:
    answer = HttpError(status=200, body=json.dumps({"choices": [body], "extra": 1}))
    async with ScriptedModel(rules=[Rule(do=answer)]) as model, open_chat(model) as chat:
        reply = await chat.complete(MESSAGES)

    assert (reply.text, reply.cut_off, reply.usage) == (text, cut_off, usage)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": 7}, {"prompt_tokens": 1.0}])
async def test_an_odd_usage_does_not_cost_the_answer(usage: object) -> None:
    body = {"choices": [{"message": {"content": "Yes."}}], "usage": usage}
    answer = HttpError(status=200, body=json.dumps(body))
    async with ScriptedModel(rules=[Rule(do=answer)]) as model, open_chat(model) as chat:
        assert (await chat.complete(MESSAGES)).text == "Yes."


async def test_a_slow_answer_in_time_is_taken() -> None:
    async with ScriptedModel(rules=[Rule(do=Slow(first_byte_ms=150))]) as model, open_chat(model) as chat:
        assert (await chat.complete(MESSAGES)).text


@pytest.mark.parametrize(
    ("setup", "first", "then"),
    [
        (Setup(), ["json_schema"], ["json_schema"]),
        (Setup(json_schema=False), ["json_schema", "json_object"], ["json_object"]),
        (Setup(json_schema=False, json_mode=False), ["json_schema", "json_object", None], [None]),
        (Setup(reject_params=("response_format",)), ["json_schema", "json_object", None], [None]),
    ],
)
async def test_the_accepted_way_to_ask_for_json_is_remembered(
    setup: Setup, first: list[str | None], then: list[str | None]
) -> None:
    async with ScriptedModel(setup) as model, open_chat(model) as chat:
        replies = [await chat.complete(OUTLINE_MESSAGES, form=FORM)]
        asked = [call.body.get("response_format", {}).get("type") for call in model.calls()]
        model.reset()
        replies += [await chat.complete(OUTLINE_MESSAGES, form=FORM)]
        again = [call.body.get("response_format", {}).get("type") for call in model.calls()]

    assert (asked, again) == (first, then)
    assert [len(json.loads(reply.text)["sections"]) for reply in replies] == [3, 3]


async def test_the_form_is_sent_as_a_strict_schema() -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        await chat.complete(OUTLINE_MESSAGES, form=FORM)

        [call] = model.calls()
    assert call.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "outline", "schema": FORM.schema, "strict": True},
    }


async def test_what_is_remembered_of_one_model_is_not_used_for_another() -> None:
    async with ScriptedModel(Setup(json_schema=False)) as model, open_chat(model) as chat:
        await chat.complete(OUTLINE_MESSAGES, form=FORM)
        model.use(setup=Setup())
        await chat.complete(OUTLINE_MESSAGES, form=FORM, model="another")

        assert model.calls()[-1].body["response_format"]["type"] == "json_schema"


async def test_a_fault_in_the_request_itself_is_not_hidden() -> None:
    """Every variant meets it, the first error is reported, and nothing is remembered from that."""
    fault = Rule(times=3, do=client_error(400, "Invalid value."))
    async with ScriptedModel(rules=[fault]) as model, open_chat(model) as chat:
        with pytest.raises(ModelRejectedRequestError, match="Invalid value"):
            await chat.complete(OUTLINE_MESSAGES, form=FORM)
        await chat.complete(OUTLINE_MESSAGES, form=FORM)

        assert model.calls()[-1].body["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("where", ["before the first byte", "in the body"])
async def test_a_cancelled_call_closes_its_connection(where: str) -> None:
    in_body = where == "in the body"
    action = Trickle(total_ms=600_000, pieces=12_000) if in_body else Slow(first_byte_ms=600_000)
    async with ScriptedModel(rules=[Rule(do=action)]) as model:
        async with open_chat(model, AETHER_MODEL_READ_TIMEOUT="9") as chat:
            asking = asyncio.create_task(chat.complete(MESSAGES))
            await model.wait_for(lambda record: record.in_flight == 1)
            if in_body:
                await eventually(lambda: model.calls()[0].status == 200)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await model.wait_for(lambda record: record.calls(outcome="disconnected"))
            [call] = model.calls()

        assert call.status == (200 if in_body else 0)


async def test_connections_are_used_again() -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        for _ in range(5):
            await chat.complete(MESSAGES)
        one_by_one = connections(model)
        await asyncio.gather(*(chat.complete(MESSAGES) for _ in range(10)))
        await asyncio.gather(*(chat.complete(MESSAGES) for _ in range(10)))

        assert one_by_one == 1
        assert connections(model) <= 10


async def test_a_hundred_calls_run_side_by_side() -> None:
    """The engine's own limit is the only one."""
    async with (
        ScriptedModel(rules=[Rule(do=NAMED["hang"])]) as model,
        open_chat(model, AETHER_MODEL_CALLS="120", AETHER_MODEL_READ_TIMEOUT="9") as chat,
    ):
        asking = [asyncio.create_task(chat.complete(MESSAGES)) for _ in range(120)]
        await model.wait_for(lambda record: record.in_flight == len(asking))
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await model.wait_for(lambda record: not record.in_flight)


async def test_an_idle_connection_that_was_closed_does_not_fail_the_next_call() -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        await chat.complete(MESSAGES)
        model.drop_connections()
        await asyncio.sleep(0.05)

        assert (await chat.complete(MESSAGES)).text


def connections(model: ScriptedModel) -> int:
    return len(model._service.connections)
