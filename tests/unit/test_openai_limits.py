"""Limits of model servers: which are waited for, for how long, and which are final."""

import json
from datetime import UTC, datetime

import pytest

from aether.adapters.openai.error_body import read_error
from aether.adapters.openai.errors import IMAGES, Target, translate
from aether.adapters.openai.retry_delay import delay_of, describe_pause
from aether.errors import (
    AetherError,
    ModelOverloadedError,
    ModelRejectedKeyError,
    ModelRejectedRequestError,
)

TARGET = Target("http://model.test/v1/chat/completions", has_version=True)
DATE = "Mon, 30 Nov 2026 12:00:00 GMT"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


def openai(message: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": message, **fields}}


def error_for(status: int, body: object, headers: dict[str, str] | None = None, target: Target = TARGET) -> AetherError:
    return translate(status, "", headers or {}, read_error(json.dumps(body).encode()), target)


AWS = "ThrottlingException: Too many tokens, please wait before trying again."
WAITS: dict[str, tuple[int, object]] = {
    "AWS": (400, {"__type": "com.amazon.coral.service#ThrottlingException", "message": AWS}),
    "AWS, by its type": (400, {"__type": "com.amazon.coral.service#ThrottlingException", "message": "No."}),
    "AWS, by its words": (400, {"message": "Too many tokens, please wait before trying again."}),
    "one at a time": (
        400,
        openai("Another request is in progress. This server handles one request at a time."),
    ),
    "throttled": (400, openai("The request was throttled.")),
    "too many requests": (400, openai("Too many requests")),
    "too many concurrent requests": (400, openai("Too many concurrent requests for this key")),
    "a code of OpenAI": (400, openai("No.", code="rate_limit_exceeded")),
    "the status in the body": (400, openai("No.", code=429)),
    "busy": (400, openai("The server is currently busy.")),
    "Google": (403, openai("Rate Limit Exceeded for your API key.")),
    "422": (422, openai("Please slow down.")),
    "Tencent": (200, {"Response": {"Error": {"Code": "RequestLimitExceeded", "Message": "No."}}}),
}


@pytest.mark.parametrize(("status", "body"), WAITS.values(), ids=WAITS)
def test_a_rejection_that_asks_to_wait_is_an_overload(status: int, body: object) -> None:
    assert type(error_for(status, body)) is ModelOverloadedError


@pytest.mark.parametrize(
    "message",
    [
        "Too many tokens in the prompt.",
        "The request has too many messages.",
        "Unknown parameter: 'response_format'",
        "stream must be set to true",
        "one of its messages is empty",
    ],
)
def test_a_rejection_of_the_request_itself_is_none(message: str) -> None:
    assert type(error_for(400, openai(message))) is ModelRejectedRequestError


OPENROUTER = "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"
GEMINI = "You exceeded your current quota. * Quota exceeded for metric: free_tier_requests, limit: 0, model: gemini-pro"
BY_DAY = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "RequestsPerDayPerModel"}]}
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
RESET = {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1999999999000"}}
FINAL: dict[str, tuple[object, dict[str, str], str]] = {
    "OpenRouter": (openai(OPENROUTER, code=429, metadata=RESET), {}, "free-models-per-day"),
    "OpenRouter, without its reset": (openai(OPENROUTER), {}, "free-models-per-day"),
    "Gemini's limit of nothing": (openai(f"{GEMINI}\nPlease retry in 3.2s."), {}, "limit: 0"),
    "Gemini's limit by the day": (openai("No.", details=[BY_DAY, RETRY_INFO]), {}, "No."),
    "a limit by the day": (openai("Daily limit reached"), {}, "Daily limit reached"),
    "a limit by the month": (openai("Monthly usage limit reached. Resets on the 1st."), {}, "Monthly usage"),
    "a limit by the week": (openai("You have used all 100 requests per week."), {}, "per week"),
    "with a header": (openai("Limit of 100 requests / day reached"), {"retry-after": "40000"}, "a pause of 11 h."),
    "RPD": (openai("Rate limit reached on requests (RPD): Limit 200, Used 200"), {}, "RPD"),
    "less than one request": (
        openai("Request too large for gpt-4 on tokens per min (TPM): Limit 10000, Requested 12000."),
        {"retry-after": "1"},
        "Check AETHER_MODEL_CONTEXT.",
    ),
}


@pytest.mark.parametrize(("body", "headers", "words"), FINAL.values(), ids=FINAL)
def test_a_limit_that_cannot_heal_is_final_and_told_in_its_words(
    body: object, headers: dict[str, str], words: str
) -> None:
    error = error_for(429, body, headers)

    assert type(error) is ModelRejectedRequestError
    assert words in str(error)


def test_a_limit_of_nothing_is_a_matter_of_the_account() -> None:
    assert str(error_for(429, openai(GEMINI))).endswith("Check the account of OPENAI_API_KEY.")
    images = Target("x", has_version=True, prefix=IMAGES)
    assert str(error_for(402, openai("No."), target=images)).endswith("Check the account of AETHER_IMAGE_API_KEY.")


@pytest.mark.parametrize(
    ("message", "delay"),
    [
        ("Rate limit reached on tokens per day (TPD): Limit 100, Used 99. Please try again in 7m12s.", 432),
        ("The limits are 20 requests per minute and 200 per day.", None),
        ("Rate limit: 0.5 requests per second.", None),
        ("Limit 3 / min.", None),
    ],
)
def test_a_limit_that_slides_is_waited_for(message: str, delay: float | None) -> None:
    error = error_for(429, openai(message))

    assert isinstance(error, ModelOverloadedError)
    assert error.retry_after == delay


RESETS: dict[str, tuple[dict[str, str], float | None]] = {
    "seconds": ({"x-ratelimit-reset": "86000"}, 86_000),
    "the standard's": ({"ratelimit-reset": "86000"}, 86_000),
    "epoch seconds": ({"x-ratelimit-reset": f"{NOW + 90:.0f}"}, 90),
    "epoch milliseconds": ({"x-ratelimit-reset": f"{NOW * 1000 + 90_500:.0f}"}, 90.5),
    "a duration": ({"x-ratelimit-reset": "1m30s"}, 90),
    "a date": ({"x-ratelimit-reset": "Mon, 30 Nov 2026 12:01:30 GMT"}, 90),
    "an ISO date": ({"x-rate-limit-reset": "2026-11-30T12:01:30Z"}, 90),
    "Retry-After comes first": ({"x-ratelimit-reset": "86000", "retry-after": "3"}, 3),
    "in the past": ({"x-ratelimit-reset": f"{NOW - 90:.0f}"}, None),
    "nothing": ({"x-ratelimit-reset": "soon"}, None),
    "now": ({"x-ratelimit-reset": "0"}, None),
    "another limit": ({"x-ratelimit-reset": "86000", "x-ratelimit-remaining": "17"}, None),
    "none left": ({"x-ratelimit-reset": "86000", "x-ratelimit-remaining": "0"}, 86_000),
}


@pytest.mark.parametrize(("headers", "delay"), RESETS.values(), ids=RESETS)
def test_when_a_limit_is_reset_is_a_delay_by_the_clock_of_the_server(
    headers: dict[str, str], delay: float | None
) -> None:
    found = delay_of(429, {"date": DATE, **headers}, read_error(b"{}"))

    assert found == (delay if delay is None else pytest.approx(delay))


def test_a_gateway_repeats_the_headers_of_the_server_behind_it() -> None:
    body = openai("No.", metadata={"headers": {"X-RateLimit-Reset": f"{NOW * 1000 + 7_000:.0f}"}})

    assert delay_of(429, {"date": DATE}, read_error(json.dumps(body).encode())) == pytest.approx(7)


@pytest.mark.parametrize("status", [400, 500, 502, 503])
def test_headers_about_limits_delay_nothing_else(status: int) -> None:
    assert delay_of(status, {"x-ratelimit-reset": "86000"}, read_error(b"{}")) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (59.9, ""),
        (60, "60 s"),
        (600, "10 min"),
        (86_000, "24 h"),
        (86_400, "24 h"),
        (864_000, "10 days"),
    ],
)
def test_a_long_pause_is_told(seconds: float | None, words: str) -> None:
    assert describe_pause(seconds) == (words and f" It asks for a pause of {words}.")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_error_says_how_long_the_server_asks_to_wait(status: int) -> None:
    error = error_for(status, openai("Slow down"), {"retry-after": "86000"})

    assert str(error).endswith(f"(HTTP {status}): Slow down. It asks for a pause of 24 h.")


TOO_LONG: dict[str, tuple[int, object]] = {
    "vLLM": (400, openai("This model's maximum context length is 512 tokens. However, you requested 900 tokens.")),
    "OpenAI": (400, openai("No.", code="context_length_exceeded")),
    "llama.cpp": (400, openai("the request exceeds the available context size", type="exceed_context_size_error")),
    "llama.cpp, once": (500, openai("context size exceeded")),
    "Anthropic": (400, openai("prompt is too long: 210000 tokens > 200000 maximum")),
    "Groq": (413, openai("Please reduce the length of the messages or completion.")),
    "TGI": (422, {"error": "Input is too long: `inputs` must have less than 1024 tokens", "error_type": "validation"}),
}


@pytest.mark.parametrize(("status", "body"), TOO_LONG.values(), ids=TOO_LONG)
def test_a_request_that_is_too_long_is_final_and_names_the_setting_of_the_context(status: int, body: object) -> None:
    error = error_for(status, body)

    assert type(error) is ModelRejectedRequestError
    assert str(error).endswith("Check AETHER_MODEL_CONTEXT.")
    images = error_for(status, body, target=Target("x", has_version=True, prefix=IMAGES))
    assert "AETHER_MODEL_CONTEXT" not in str(images)


def test_a_key_that_is_rejected_is_no_overload() -> None:
    assert type(error_for(400, openai("Invalid API key"))) is ModelRejectedKeyError
