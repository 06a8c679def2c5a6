"""What model servers send in place of an answer, and how it is told, over real HTTP."""

import json
from collections.abc import Callable

import pytest

from aether.errors import (
    AetherError,
    ModelOverloadedError,
    ModelRejectedKeyError,
    ModelRejectedRequestError,
    UnusableOutputError,
)
from tests.scripted_model import Answer, HttpError, Rule, ScriptedModel, client_error
from tests.service.chat_factory import FORM, KEY, MESSAGES, OUTLINE_MESSAGES, open_chat

SCHEMA = '"json_schema"'
LISTENERS = pytest.mark.parametrize("on_text", [None, len], ids=["whole", "streamed"])

UPSTREAM = "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
PENDING = '{"requestId":"x","status":"pending-evaluation"}'
NO_COMPLETIONS: dict[str, tuple[HttpError, str]] = {
    "Envoy": (HttpError(status=200, body=UPSTREAM, content_type="text/plain"), f"no chat completion: “{UPSTREAM}”; "),
    "NVIDIA": (HttpError(status=202, body=PENDING), f"no chat completion: “{PENDING}”; "),
    "a long text": (HttpError(status=200, body="Hi " * 1_000, content_type="text/plain"), "Hi Hi…”; "),
    "its key told": (HttpError(status=200, body=f"You: {KEY}", content_type="text/plain"), "“You: …”; "),
    "nothing": (HttpError(status=200, body=""), "it is empty; "),
    "spaces": (HttpError(status=200, body=" \r\n\r\n"), "it is empty; "),
    "no content": (HttpError(status=204, body=""), "it is empty; "),
}


@LISTENERS
@pytest.mark.parametrize(("action", "words"), NO_COMPLETIONS.values(), ids=NO_COMPLETIONS)
async def test_what_is_no_completion_is_quoted_with_the_setting_of_the_address(
    action: HttpError, words: str, on_text: Callable[[str], object] | None
) -> None:
    async with ScriptedModel(rules=[Rule(do=action)]) as model, open_chat(model) as chat:
        with pytest.raises(UnusableOutputError) as caught:
            await chat.complete(MESSAGES, on_text=on_text)

        assert f"{words}the address that was called is {model.base_url}/chat/completions; " in str(caught.value)
    assert str(caught.value).endswith("check OPENAI_BASE_URL.")
    assert len(str(caught.value)) < 400


@LISTENERS
async def test_a_broken_completion_is_not_blamed_on_the_address(on_text: Callable[[str], object] | None) -> None:
    broken = HttpError(status=200, body='{"choices": [{"message": {"content": "Rome')
    async with ScriptedModel(rules=[Rule(do=broken)]) as model, open_chat(model) as chat:
        with pytest.raises(UnusableOutputError, match="no chat completion: “") as caught:
            await chat.complete(MESSAGES, on_text=on_text)

    assert "OPENAI_BASE_URL" not in str(caught.value)


INSIDE: dict[str, tuple[object, type[AetherError], str]] = {
    "a balance": (
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        ModelRejectedRequestError,
        "insufficient balance. Check the account of OPENAI_API_KEY.",
    ),
    "a key": (
        {"base_resp": {"status_code": 2049, "status_msg": "invalid api key"}},
        ModelRejectedKeyError,
        "invalid api key. Check OPENAI_API_KEY.",
    ),
    "Coze": (
        {"code": 4100, "msg": "authentication is invalid"},
        ModelRejectedKeyError,
        "authentication is invalid. Check OPENAI_API_KEY.",
    ),
    "iFlow": (
        {"status": "439", "msg": "Your API Token has expired."},
        ModelRejectedKeyError,
        "Your API Token has expired. Check OPENAI_API_KEY.",
    ),
    "Tencent": (
        {"Response": {"Error": {"Code": "AuthFailure.SecretIdNotFound", "Message": "The SecretId is not found"}}},
        ModelRejectedKeyError,
        "The SecretId is not found. Check OPENAI_API_KEY.",
    ),
}


@LISTENERS
@pytest.mark.parametrize(("body", "expected", "words"), INSIDE.values(), ids=INSIDE)
async def test_an_account_that_is_at_fault_inside_a_success_is_told_at_once(
    body: object, expected: type[AetherError], words: str, on_text: Callable[[str], object] | None
) -> None:
    action = HttpError(status=200, body=json.dumps(body))
    async with ScriptedModel(rules=[Rule(do=action)]) as model, open_chat(model) as chat:
        with pytest.raises(expected) as caught:
            await chat.complete(MESSAGES, on_text=on_text)

        assert model.count() == 1
    assert str(caught.value).endswith(words)


AWS = {"__type": "com.amazon.coral.service#ThrottlingException", "message": "Too many tokens, please wait."}
BUSY = {"error": {"message": "Another request is in progress. This server handles one request at a time."}}


@pytest.mark.parametrize("body", [AWS, BUSY])
async def test_a_rejection_that_asks_to_wait_does_not_cost_the_schema(body: object) -> None:
    rules = [Rule(times=1, do=HttpError(status=400, body=json.dumps(body)))]
    async with ScriptedModel(rules=rules) as model, open_chat(model) as chat:
        with pytest.raises(ModelOverloadedError, match="HTTP 400"):
            await chat.complete(OUTLINE_MESSAGES, form=FORM)
        await chat.complete(OUTLINE_MESSAGES, form=FORM)

        assert [SCHEMA in bytes(call.raw).decode() for call in model.calls()] == [True, True]


@LISTENERS
async def test_a_request_that_is_too_long_is_told_after_one_call(on_text: Callable[[str], object] | None) -> None:
    fault = client_error(400, "This model's maximum context length is 512 tokens.")
    async with ScriptedModel(rules=[Rule(do=fault)]) as model, open_chat(model) as chat:
        with pytest.raises(ModelRejectedRequestError, match=r"is 512 tokens\. Check AETHER_MODEL_CONTEXT\."):
            await chat.complete(OUTLINE_MESSAGES, form=FORM, on_text=on_text)

        assert model.count() == 1


@pytest.mark.parametrize(("finish_reason", "is_hinted"), [("stop", True), ("length", False), ("error", False)])
async def test_an_answer_that_is_all_reasoning_hints_at_what_separates_it(
    finish_reason: str, *, is_hinted: bool
) -> None:
    answer = Answer(content=None, message={"reasoning_content": "Rome was built."}, finish_reason=finish_reason)
    async with ScriptedModel(rules=[Rule(do=answer)]) as model, open_chat(model) as chat:
        reply = await chat.complete(MESSAGES)

    assert reply.defect is not None
    assert ("the server's reasoning parser" in reply.defect) is is_hinted
    assert ("AETHER_MODEL_OPTIONS" in reply.defect) is (finish_reason != "error")
