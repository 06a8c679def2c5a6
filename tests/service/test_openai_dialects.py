"""Servers that want to be asked in another way, over real HTTP."""

import json

import pytest
from structlog.testing import capture_logs

from aether.errors import (
    ModelFailedError,
    ModelOverloadedError,
    ModelRefusedError,
    ModelRejectedRequestError,
    ModelUnreachableError,
    UnusableOutputError,
)
from aether.workflows.llm.json_schema import object_schema
from aether.workflows.llm.ports import Form, Message, Reply
from tests.scripted_model import (
    NAMED,
    Action,
    Answer,
    Events,
    HttpError,
    Rule,
    ScriptedModel,
    Setup,
    Slow,
    client_error,
)
from tests.service.chat_factory import FORM, MESSAGES, OUTLINE_MESSAGES, open_chat

SCHEMA = '"json_schema"'


def streamed(model: ScriptedModel) -> list[bool]:
    return [call.stream for call in model.calls()]


def roles(model: ScriptedModel) -> list[list[str]]:
    return [[message["role"] for message in call.body["messages"]] for call in model.calls()]


async def test_a_server_that_only_streams_is_streamed_and_collected() -> None:
    async with ScriptedModel(Setup(whole_answers=False)) as model, open_chat(model) as chat:
        first = await chat.complete(MESSAGES)
        outline = await chat.complete(OUTLINE_MESSAGES, form=FORM)

        assert streamed(model) == [False, True, True]
    assert "ref-" in first.text
    assert len(json.loads(outline.text)["sections"]) == 3
    assert first.usage.output_tokens > 0


@pytest.mark.parametrize(
    "action", [Slow(first_byte_ms=20_000), HttpError(status=504), HttpError(status=524), NAMED["hang"]]
)
@pytest.mark.parametrize("messages", [MESSAGES, OUTLINE_MESSAGES])
async def test_after_an_answer_that_came_too_late_the_next_attempt_streams(
    action: Action, messages: list[Message]
) -> None:
    """So the outcome does not depend on whether somebody watches."""
    form = FORM if messages is OUTLINE_MESSAGES else None
    async with ScriptedModel() as model, open_chat(model, AETHER_MODEL_READ_TIMEOUT="0.5") as chat:
        model.add(Rule(do=action), when=lambda call: not call.stream)
        with pytest.raises((ModelUnreachableError, ModelFailedError)):
            await chat.complete(messages, form=form)
        reply = await chat.complete(messages, form=form)

        assert streamed(model) == [False, True]
    assert reply.text


@pytest.mark.parametrize("action", [NAMED["reset"], NAMED["502"]])
async def test_a_connection_that_a_proxy_found_too_silent_counts_as_too_late(action: Action) -> None:
    async with ScriptedModel() as model, open_chat(model, AETHER_MODEL_READ_TIMEOUT="3") as chat:
        model.add(Rule(do=action, latency_ms=700), when=lambda call: not call.stream)
        with pytest.raises((ModelUnreachableError, ModelFailedError)):
            await chat.complete(MESSAGES)
        await chat.complete(MESSAGES)

        assert streamed(model) == [False, True]


async def test_a_connection_that_is_lost_at_once_does_not() -> None:
    async with ScriptedModel(rules=[Rule(times=1, do=NAMED["reset"])]) as model, open_chat(model) as chat:
        with pytest.raises(ModelUnreachableError):
            await chat.complete(MESSAGES)
        await chat.complete(MESSAGES)

        assert streamed(model) == [False, False]


async def test_a_stream_that_nobody_asked_for_is_collected() -> None:
    chunk = '{"choices": [{"delta": {"content": "Rome"}}]}'
    events = Events((": ping", chunk, chunk, "[DONE]"))
    async with ScriptedModel(rules=[Rule(do=events)]) as model, open_chat(model) as chat:
        assert (await chat.complete(MESSAGES)).text == "RomeRome"


@pytest.mark.parametrize("on_text", [None, len])
async def test_a_page_in_place_of_an_answer_is_named_with_its_address(on_text: object) -> None:
    page = HttpError(status=200, body="<!doctype html><title>My models</title>", content_type="text/html")
    async with ScriptedModel(rules=[Rule(do=page)]) as model, open_chat(model) as chat:
        with pytest.raises(UnusableOutputError, match="it is a web page and it is no chat completion") as caught:
            await chat.complete(MESSAGES, on_text=len if on_text else None)

    assert f"{model.base_url}/chat/completions, with the title “My models”" in str(caught.value)


@pytest.mark.parametrize("on_text", [None, len])
async def test_an_error_in_plain_words_inside_a_success_is_what_it_says(on_text: object) -> None:
    words = HttpError(status=200, body="Too many requests, try again in 7s", content_type="text/plain")
    async with ScriptedModel(rules=[Rule(do=words)]) as model, open_chat(model) as chat:
        with pytest.raises(ModelOverloadedError, match="Too many requests") as caught:
            await chat.complete(MESSAGES, on_text=len if on_text else None)

    assert caught.value.retry_after == 7


async def test_a_model_that_is_fast_again_is_asked_for_whole_answers_again() -> None:
    async with ScriptedModel(rules=[Rule(times=1, do=HttpError(status=504))]) as model, open_chat(model) as chat:
        with pytest.raises(ModelFailedError):
            await chat.complete(MESSAGES)
        for _ in range(12):
            await chat.complete(MESSAGES)

        assert streamed(model) == [False, *[True] * 10, False, False]


async def test_a_server_without_a_system_role_gets_the_instructions_from_the_user() -> None:
    async with ScriptedModel(Setup(system_role=False)) as model, open_chat(model) as chat:
        await chat.complete(MESSAGES)
        await chat.complete(MESSAGES)

        assert roles(model) == [["system", "user"], ["user"], ["user"]]
        assert model.calls()[-1].body["messages"][0]["content"] == "You write.\n\nWrite section 1 of 2: Origins"


@pytest.mark.parametrize("status", [400, 422, 500])
async def test_the_role_is_dropped_whatever_the_form_of_the_error(status: int) -> None:
    body = json.dumps([{"error": {"code": status, "message": "Developer instruction is not enabled for models/gemma"}}])
    async with ScriptedModel() as model, open_chat(model) as chat:
        model.add(
            Rule(do=HttpError(status=status, body=body)),
            when=lambda call: call.body["messages"][0]["content"] == "You write.",
        )
        await chat.complete(MESSAGES)

        assert roles(model) == [["system", "user"], ["user"]]


async def test_no_empty_message_is_sent() -> None:
    turns = [*MESSAGES, Message("assistant", ""), Message("user", "Repair it.")]
    async with ScriptedModel(Setup(empty_messages=False)) as model, open_chat(model) as chat:
        await chat.complete(turns)

        [call] = model.calls()
    assert [message["role"] for message in call.body["messages"]] == ["system", "user"]
    assert call.body["messages"][1]["content"].endswith("Origins\n\nRepair it.")


@pytest.mark.parametrize("status", [400, 404, 422, 501])
async def test_a_form_that_is_rejected_in_any_way_is_asked_for_in_the_next(status: int) -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        model.add(Rule(do=HttpError(status=status, message="No.", type=""), contains="response_format"))
        await chat.complete(OUTLINE_MESSAGES, form=FORM)
        await chat.complete(OUTLINE_MESSAGES, form=FORM)

        assert ["response_format" in call.body for call in model.calls()] == [True, True, False, False]


async def test_a_server_error_for_a_form_changes_how_the_next_attempt_asks() -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        model.add(Rule(do=HttpError(status=500), contains=SCHEMA))
        for _ in range(5):
            for _attempt in range(2):
                try:
                    await chat.complete(OUTLINE_MESSAGES, form=FORM)
                except ModelFailedError:
                    continue
                break

        asked = [SCHEMA in bytes(call.raw).decode() for call in model.calls()]
    assert asked == [True, False, True, False, True, False, False, False]


async def test_one_server_error_does_not_cost_the_schema() -> None:
    async with ScriptedModel(rules=[Rule(times=1, do=HttpError(status=500))]) as model, open_chat(model) as chat:
        with pytest.raises(ModelFailedError):
            await chat.complete(OUTLINE_MESSAGES, form=FORM)
        await chat.complete(OUTLINE_MESSAGES, form=FORM)
        await chat.complete(OUTLINE_MESSAGES, form=FORM)

        assert [SCHEMA in bytes(call.raw).decode() for call in model.calls()] == [True, False, True]


@pytest.mark.parametrize("action", [NAMED["502"], NAMED["503"], NAMED["reset"], NAMED["hang"]])
async def test_a_form_that_fails_again_and_again_is_left_out_by_the_fourth_attempt(action: Action) -> None:
    async with ScriptedModel() as model, open_chat(model, AETHER_MODEL_READ_TIMEOUT="0.3") as chat:
        model.add(Rule(do=action, contains=SCHEMA))
        for _attempt in range(3):
            with pytest.raises((ModelFailedError, ModelOverloadedError, ModelUnreachableError)):
                await chat.complete(OUTLINE_MESSAGES, form=FORM)
        reply = await chat.complete(OUTLINE_MESSAGES, form=FORM)

        assert ["response_format" in call.body for call in model.calls()] == [True, True, True, False]
    assert reply.text


async def test_an_answer_without_what_the_form_has_leads_to_the_next_way() -> None:
    async with ScriptedModel(rules=[Rule(do=Answer("{}"), contains=SCHEMA)]) as model, open_chat(model) as chat:
        form = Form(FORM.name, object_schema(sections={"type": "array"}), FORM.example)
        first = await chat.complete(OUTLINE_MESSAGES, form=form)
        second = await chat.complete(OUTLINE_MESSAGES, form=form)

        assert [SCHEMA in bytes(call.raw).decode() for call in model.calls()] == [True, False]
    assert (first.text, "sections" in second.text) == ("{}", True)


NO_END = Events(('{"choices": [{"delta": {"content": "Rome"}}]}',))


@pytest.mark.parametrize(
    "action", [NAMED["500"], HttpError(status=200, body="<html>", content_type="text/html"), NO_END]
)
async def test_streams_that_fail_are_not_asked_for_by_the_next_attempt(action: Action) -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        model.add(Rule(do=action), when=lambda call: call.stream)
        with pytest.raises((ModelFailedError, UnusableOutputError, ModelUnreachableError)):
            await chat.complete(MESSAGES, on_text=len)
        await chat.complete(MESSAGES, on_text=len)

        assert streamed(model) == [True, False]


async def test_an_empty_answer_teaches_nothing_but_to_ask_in_another_way() -> None:
    async with ScriptedModel(rules=[Rule(do=NAMED["empty"], contains=SCHEMA)]) as model, open_chat(model) as chat:
        first = await chat.complete(OUTLINE_MESSAGES, form=FORM)
        second = await chat.complete(OUTLINE_MESSAGES, form=FORM)
        await chat.complete(OUTLINE_MESSAGES, form=FORM)

        assert [SCHEMA in bytes(call.raw).decode() for call in model.calls()] == [True, False, True]
    assert (first.text, bool(second.text)) == ("", True)
    assert first.usage.input_tokens > 0


@pytest.mark.parametrize("on_text", [None, len])
async def test_json_that_stands_elsewhere_is_found(on_text: object) -> None:
    outline = json.dumps({"sections": [{"title": "Rise", "covers": "x"}]})
    answer = Answer(content="", message={"reasoning_content": outline}, name="elsewhere")
    async with (
        ScriptedModel(Setup(whole_answers=on_text is None), [Rule(do=answer)]) as model,
        open_chat(model) as chat,
    ):
        reply = await chat.complete(OUTLINE_MESSAGES, form=FORM)

    assert reply.text == outline


RENAMED = "max_tokens is not supported here, use max_completion_tokens"


async def test_an_option_that_the_server_renames_is_translated_once_and_logged() -> None:
    options = {"AETHER_MODEL_OPTIONS": '{"max_tokens": 300, "temperature": 0.2}'}
    async with ScriptedModel() as model, open_chat(model, **options) as chat:
        model.add(Rule(do=client_error(400, RENAMED)), when=lambda call: "max_tokens" in call.body)
        with capture_logs() as logs:
            await chat.complete(MESSAGES)
            await chat.complete(OUTLINE_MESSAGES, form=FORM)

        bodies = [call.body for call in model.calls()]
    assert [("max_tokens" in body, body.get("max_completion_tokens")) for body in bodies] == [
        (True, None),
        (False, 300),
        (False, 300),
    ]
    assert [(log["event"], log["option"], log["sent_as"]) for log in logs] == [
        ("model.option_adapted", "max_tokens", "max_completion_tokens")
    ]


async def test_several_differences_are_learned_in_one_call() -> None:
    setup = Setup(json_schema=False, json_mode=False, system_role=False, whole_answers=False, reject_params=("seed",))
    async with ScriptedModel(setup) as model, open_chat(model, AETHER_MODEL_OPTIONS='{"seed": 1}') as chat:
        turns = [MESSAGES[0], *OUTLINE_MESSAGES]
        await chat.complete(turns, form=FORM)
        before = model.count()
        await chat.complete(turns, form=FORM)

        assert model.count() - before == 1
        assert before <= 8


async def test_what_the_server_says_last_is_told_if_the_first_was_settled() -> None:
    rules = [
        Rule(times=1, do=client_error(400, "response_format is not supported")),
        Rule(do=client_error(400, "Your prompt is too long.")),
    ]
    async with ScriptedModel(rules=rules) as model, open_chat(model) as chat:
        with pytest.raises(ModelRejectedRequestError, match=r"Your prompt is too long\."):
            await chat.complete(OUTLINE_MESSAGES, form=FORM)


INSIDE: dict[str, tuple[object, type[Exception], str]] = {
    "429": (
        {"choices": None, "error": {"code": 429, "message": "Too many requests upstream"}},
        ModelOverloadedError,
        "upstream",
    ),
    "an unknown endpoint": (
        {"error": "unknown endpoint POST /chat/completions"},
        ModelRejectedRequestError,
        "unknown endpoint",
    ),
    "a filter": ({"error": {"code": "content_filter", "message": "Filtered."}}, ModelRefusedError, "Filtered."),
}


@pytest.mark.parametrize(("body", "expected", "words"), INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize("on_text", [None, len])
async def test_an_error_inside_a_success_is_what_it_says(
    body: object, expected: type[Exception], words: str, on_text: object
) -> None:
    action = HttpError(status=200, body=json.dumps(body))
    async with ScriptedModel(rules=[Rule(do=action)]) as model, open_chat(model) as chat:
        with pytest.raises(expected, match=words):
            await chat.complete(MESSAGES, on_text=len if on_text else None)

        assert model.count() == 1


async def test_a_form_that_is_rejected_inside_a_success_is_asked_for_in_the_next_way() -> None:
    error = HttpError(status=200, body='{"error": {"code": 400, "message": "json_schema is not supported"}}')
    async with ScriptedModel(rules=[Rule(do=error, contains=SCHEMA)]) as model, open_chat(model) as chat:
        assert (await chat.complete(OUTLINE_MESSAGES, form=FORM)).text

        assert model.count() == 2


async def test_an_error_in_the_middle_of_a_stream_is_what_it_says() -> None:
    chunk = '{"choices": [{"delta": {"content": "Rome"}}]}'
    events = Events((chunk, '{"error": {"code": 429, "message": "Slow down, retry in 7s."}}', "[DONE]"))
    async with ScriptedModel(rules=[Rule(do=events)]) as model, open_chat(model) as chat:
        with pytest.raises(ModelOverloadedError, match="Slow down") as caught:
            await chat.complete(MESSAGES, on_text=len)

    assert caught.value.retry_after == 7


THOUGHTS = {
    "a tag": "<think>I plan.</think>\n\n",
    "only its end": "The user wants 250 words, so I plan.\n</think>\n\n",
    "brackets": "[THINK]I plan.[/THINK]",
    "channels": "<|channel|>analysis<|message|>I plan.<|end|><|start|>assistant<|channel|>final<|message|>",
}


@pytest.mark.parametrize("before", THOUGHTS.values(), ids=THOUGHTS)
async def test_thinking_is_in_no_text_and_in_no_preview(before: str) -> None:
    received: list[str] = []
    answer = Answer(before=before, name="thinking")
    async with ScriptedModel(rules=[Rule(do=answer)]) as model, open_chat(model) as chat:
        whole = await chat.complete(MESSAGES)
        shown = await chat.complete(MESSAGES, on_text=received.append)

    assert whole.text.startswith("This part is kept under ref-")
    assert "".join(received) == shown.text == whole.text


async def test_the_next_previews_of_a_model_that_thinks_silently_are_held_back() -> None:
    received: list[str] = []
    answer = Answer(before="Rome first, then Greece.\n</think>\n\n", name="thinking")
    async with ScriptedModel(rules=[Rule(do=answer)]) as model, open_chat(model) as chat:
        await chat.complete(MESSAGES)
        reply = await chat.complete(MESSAGES, on_text=received.append)

    assert "".join(received) == reply.text
    assert "Greece" not in reply.text


async def test_a_prompt_of_which_too_little_was_read_is_told() -> None:
    turns = [Message("user", "Rome built roads, aqueducts and walls. " * 100)]
    async with ScriptedModel(rules=[Rule(do=Answer(prompt_tokens=64, name="cut"))]) as model, open_chat(model) as chat:
        reply: Reply = await chat.complete(turns)

    assert "read only 64 tokens" in (reply.warning or "")
