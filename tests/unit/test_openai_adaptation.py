import json

import pytest
from msgspec.structs import replace

from aether.adapters.openai.adaptation import Asked, adapt, doubt
from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.error_body import read_error
from aether.adapters.openai.errors import FailedCall, Target, translate

TARGET = Target("http://model.test/v1/chat/completions", has_version=True)
TEXT = Asked("m", frozenset(), has_form=False, has_system=True, streams=False)
FORM = TEXT._replace(has_form=True)
STREAM = TEXT._replace(streams=True)


def failure(status: int, body: object) -> FailedCall:
    content = read_error((body if isinstance(body, str) else json.dumps(body)).encode())
    return FailedCall(translate(status, "", {}, content, TARGET), content)


def adapted(status: int, message: str, asked: Asked, dialect: Dialect = Dialect()) -> Dialect | None:  # noqa: B008
    result = adapt(dialect, failure(status, {"error": {"message": message}}), asked)
    return result and result.dialect


@pytest.mark.parametrize(
    "message",
    [
        "only streaming is supported by this model",
        "This model only support stream mode, please enable the stream parameter to access the model.",
        "Non-streaming requests are not supported.",
        "stream must be set to true",
        "parameter.enable_thinking must be set to false for non-streaming calls",
    ],
)
@pytest.mark.parametrize("asked", [TEXT, FORM])
@pytest.mark.parametrize("status", [400, 422, 500, 501])
def test_a_server_that_only_streams_is_asked_for_a_stream(message: str, asked: Asked, status: int) -> None:
    assert adapted(status, message, asked) == Dialect(streams_only=True)


@pytest.mark.parametrize(
    "message",
    [
        "System role not supported",
        "Developer instruction is not enabled for models/gemma-3-27b-it",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "Only user and assistant roles are supported!",
        "messages.0.role: Input should be 'user' or 'assistant'",
        "Invalid role",
        "system prompt is not allowed",
    ],
)
def test_a_server_without_a_system_role_gets_the_instructions_from_the_user(message: str) -> None:
    assert adapted(400, message, TEXT) == Dialect(system=False)
    assert adapted(400, message, TEXT, Dialect(system=False)) is None


@pytest.mark.parametrize(
    ("message", "dialect"),
    [
        ("response_format json_schema is not supported with this model.", Dialect(form="object")),
        ("Unknown parameter: 'response_format'", Dialect(form="object")),
        ("This response_format type is unavailable now", Dialect(form="object")),
        ("model=x: Invalid parameter: 'response_format' of type 'json_schema'", Dialect(form="object")),
        ("Structured outputs are not available.", Dialect(form="object")),
    ],
)
def test_a_form_that_is_named_is_asked_for_in_the_next_way(message: str, dialect: Dialect) -> None:
    assert adapted(400, message, FORM) == dialect
    assert adapted(500, f"{message} It is not supported.", FORM) == dialect


def test_an_error_inside_a_success_that_names_what_is_missing_is_adapted() -> None:
    assert adapted(200, "stream must be true for this model", TEXT) == Dialect(streams_only=True)
    assert adapted(200, "response_format: extra fields not permitted", FORM) == Dialect(form="object")
    assert adapted(200, "An odd thing has happened.", FORM) is None


def test_a_form_that_an_account_may_not_use_is_asked_for_in_the_next_way() -> None:
    assert adapted(403, "structured outputs are not enabled for your plan", FORM) == Dialect(form="object")
    assert adapted(403, "Your account may not do this.", FORM) is None


@pytest.mark.parametrize("body", ["", "Bad Request", {"error": {"message": "Bad request."}}, "<html></html>", {}])
@pytest.mark.parametrize("asked", [TEXT, FORM])
def test_after_a_rejection_in_no_words_the_plainest_request_has_no_system_role(body: object, asked: Asked) -> None:
    plainest = Dialect(form="prompt")
    result = adapt(plainest, failure(400, body), asked)

    assert result is not None
    assert result.dialect == replace(plainest, system=False)


@pytest.mark.parametrize("status", [400, 404, 405, 406, 415, 422, 501])
def test_a_rejection_without_a_reason_leads_to_the_next_form(status: int) -> None:
    assert adapted(status, "No.", FORM) == Dialect(form="object")
    assert adapted(status, "No.", FORM, Dialect(form="object")) == Dialect(form="prompt")
    assert adapted(status, "No.", FORM, Dialect(form="prompt")) is None


@pytest.mark.parametrize(
    ("message", "dialect"),
    [
        ("Unsupported parameter: 'stream_options'", Dialect(stream="plain")),
        ("No.", Dialect(stream="plain")),
        ("Streaming is not supported.", Dialect(stream="plain")),
    ],
)
def test_a_stream_that_is_rejected_is_asked_for_in_the_next_way(message: str, dialect: Dialect) -> None:
    assert adapted(400, message, STREAM) == dialect
    assert adapted(400, message, STREAM, dialect) == Dialect(stream="none") or "options" in message


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "The model `m` does not exist or you do not have access to it."),
        (400, "m is not a valid model ID"),
        (400, "Model Not Exist"),
        (404, 'model "m" not found, try pulling it first'),
        (429, "Rate limit reached."),
        (401, "No."),
        (403, "Your input was flagged."),
        (402, "Insufficient Balance"),
        (413, "Too long."),
        (400, "ThrottlingException: Too many tokens, please wait before trying again."),
        (400, "Another request is in progress. This server handles one request at a time."),
        (400, "This model's maximum context length is 512 tokens."),
        (400, "The system prompt exceeds the context window; reduce the length of the stream of messages."),
        (500, "Oops."),
        (503, "Loading."),
    ],
)
@pytest.mark.parametrize("asked", [FORM, STREAM])
def test_what_another_way_cannot_mend_is_not_asked_again(status: int, message: str, asked: Asked) -> None:
    assert adapted(status, message, asked) is None


OPTIONS = frozenset({"max_tokens", "temperature", "top_k", "seed", "stop", "user", "reasoning"})


@pytest.mark.parametrize(
    ("body", "name", "new"),
    [
        ("max_tokens is not supported here, use max_completion_tokens", "max_tokens", "max_completion_tokens"),
        (
            "Unsupported parameter: 'max_tokens' is not supported here. Use 'max_completion_tokens' instead.",
            "max_tokens",
            "max_completion_tokens",
        ),
        ("max_tokens: please set max_output_tokens", "max_tokens", "max_output_tokens"),
        ("Unsupported value: 'temperature' does not support 0.2 with this model.", "temperature", None),
        ("property 'top_k' is unsupported", "top_k", None),
        ("Unrecognized request argument supplied: top_k", "top_k", None),
        ('Invalid JSON payload received. Unknown name "top_k": Cannot find field.', "top_k", None),
        ("openai does not support parameters: {'top_k': 5}, for model=m", "top_k", None),
        (
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
            "seed",
            None,
        ),
        ({"error": {"message": "Not here.", "param": "stop"}}, "stop", None),
        ({"error": {"message": "Not here.", "param": "reasoning.effort"}}, "reasoning", None),
        ("max_tokens is too large: this model's maximum context length is 512 tokens.", "max_tokens", None),
        ("max_tokens is too large: 999999. This model supports at most 16384 tokens", "max_tokens", None),
    ],
)
def test_an_option_that_the_server_names_is_translated_or_left_out(body: object, name: str, new: str | None) -> None:
    error = {"error": {"message": body}} if isinstance(body, str) else body
    result = adapt(Dialect(), failure(400, error), TEXT._replace(options=OPTIONS))

    assert result is not None
    assert (result.dialect, result.is_named) == (Dialect(options={name: new}), True)


@pytest.mark.parametrize(
    "message",
    [
        "Conversation roles must alternate user/assistant",
        "This model's maximum context length is 8192 tokens.",
        "Please stop sending requests.",
    ],
)
def test_a_word_that_is_also_an_option_is_not_taken_for_it(message: str) -> None:
    result = adapt(Dialect(), failure(400, {"error": {"message": message}}), TEXT._replace(options=OPTIONS))

    assert result is None or not result.dialect.options


def test_an_option_that_is_rejected_under_its_new_name_is_left_out() -> None:
    renamed = Dialect(options={"max_tokens": "max_completion_tokens"})
    asked = TEXT._replace(options=frozenset({"max_completion_tokens"}))
    result = adapt(renamed, failure(400, {"error": {"message": "Unknown: max_completion_tokens"}}), asked)

    assert result is not None
    assert result.dialect.translate({"max_tokens": 5, "seed": 1}) == {"seed": 1}


def test_a_doubt_is_about_what_can_be_left_out() -> None:
    assert doubt(Dialect(), STREAM) == Dialect(stream="none")
    assert doubt(Dialect(), FORM) == Dialect(form="object")
    assert doubt(Dialect(form="prompt"), FORM) is None
    assert doubt(Dialect(), TEXT) is None
    assert doubt(Dialect(streams_only=True), FORM._replace(streams=True)) == Dialect(streams_only=True, form="object")


def test_what_two_calls_learn_at_the_same_time_is_kept() -> None:
    start = Dialect()
    first = replace(start, system=False, options={"seed": None})
    second = replace(start, form="object", options={"stop": None})

    merged = start.merge(start, first).merge(start, second)

    assert merged == Dialect(system=False, form="object", options={"seed": None, "stop": None})
