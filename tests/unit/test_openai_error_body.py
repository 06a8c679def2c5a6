import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.adapters.openai.error_body import ErrorBody, read_error

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "detail", "retry_after", "loc", "reasons"]), inner
        )
    ),
)

MESSAGES: dict[str, object] = {
    "OpenAI": {"error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}},
    "a list, as Gemini": [{"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}],
    "a sentence": {"error": "No."},
    "FastAPI": {"detail": "No."},
    "old vLLM": {"object": "error", "message": "No.", "type": "BadRequestError", "code": 400},
    "Anthropic": {"type": "error", "error": {"type": "invalid_request_error", "message": "No."}},
    "Cloudflare": {"success": False, "errors": [{"code": 10_000, "message": "No."}], "messages": []},
    "MiniMax": {"base_resp": {"status_code": 1002, "status_msg": "No."}},
    "one-api": {"error": {"message": "No.", "type": "new_api_error", "param": "", "code": "x"}},
    "a title": {"title": "No.", "status": 400},
    "JSON in a sentence": {"error": {"message": '{"error": {"message": "No."}}'}},
    "capitals": {"Error": {"Message": "No."}},
    "one level down, as Tencent": {"Response": {"Error": {"Code": "AuthFailure", "Message": "No."}, "RequestId": "x"}},
}


def read(value: object) -> ErrorBody:
    return read_error(json.dumps(value).encode())


@pytest.mark.parametrize("value", MESSAGES.values(), ids=MESSAGES)
def test_the_sentence_is_found_in_every_form(value: object) -> None:
    assert read(value).message == "No."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"model is loading", "model is loading"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>No &amp; no.</Message></Error>", "No & no."),
        (b"<?xml version='1.0'?><s:Fault><s:faultstring>No.</s:faultstring></s:Fault>", "No."),
        (b'"model is loading"', "model is loading"),
        (b'{"error": {"message": "No, because', "No, because"),
        (b'data: {"error": {"message": "No."}}\n\n', "No."),
        (b'\xef\xbb\xbf{"error": "No."}', "No."),
        (b'{"error": "caf\xe9"}', "caf\ufffd"),
        (b"", ""),
        (b"{}", ""),
        (b"<html><title>502</title></html>", ""),
        (b"<!DOCTYPE html><p>No</p>", ""),
    ],
)
def test_a_body_that_is_no_json_is_read_as_well(body: bytes, message: str) -> None:
    assert read_error(body).message == message


def test_the_place_of_a_validation_error_is_told() -> None:
    detail = [{"type": "literal_error", "loc": ["body", "messages", 0, "role"], "msg": "Input should be 'user'"}]

    assert read({"detail": detail}).message == "messages.0.role: Input should be 'user'"


def test_the_words_of_the_server_behind_a_gateway_are_told() -> None:
    raw = '{"error": {"message": "model is rate-limited upstream"}}'
    error = {"message": "Provider returned error", "code": 429, "metadata": {"raw": raw, "provider_name": "Chutes"}}

    assert read({"error": error}).message == "Provider returned error: model is rate-limited upstream"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"__type": "com.amazon.coral.service#ThrottlingException"}, "throttlingexception"),
        ({"__type": "ThrottlingException"}, "throttlingexception"),
        ({"Response": {"Error": {"Code": "AuthFailure.SecretIdNotFound"}}}, "authfailure"),
        ({"Response": {"Error": {"Code": "AuthFailure.SecretIdNotFound"}}}, "authfailure.secretidnotfound"),
    ],
)
def test_a_code_is_found_without_its_namespace_and_with_its_family(value: object, code: str) -> None:
    assert code in read(value).codes


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"error": {"code": 429, "message": "x"}}, 429),
        ({"error": {"code": "503", "message": "x"}}, 503),
        ({"error": {"message": "x", "status_code": 400}}, 400),
        ({"code": 404, "msg": "x"}, 404),
        ({"error": "x", "status": 500}, 500),
        ({"error": {"code": 1234, "message": "x"}}, None),
        ({"error": {"code": 200, "message": "x"}}, None),
        ({"error": {"code": "rate_limit", "message": "x"}}, None),
        ({"error": {"code": True, "message": "x"}}, None),
    ],
)
def test_the_status_that_a_body_names_is_found(value: object, status: int | None) -> None:
    assert read(value).status == status


@pytest.mark.parametrize(
    ("value", "delay"),
    [
        ({"error": {"message": "Rate limit reached. Please try again in 7.66s. Visit the page."}}, 7.66),
        ({"error": {"message": "Please try again in 1m26.4s."}}, 86.4),
        ({"error": {"message": "Please try again in 20ms."}}, 0.02),
        ({"error": {"message": "Please retry after 26 seconds."}}, 26),
        ({"error": {"message": "Please retry in 41.48s."}}, 41.48),
        ({"error": {"message": "Try again in 2 hours."}}, 7_200),
        ({"error": {"message": "Wait 5 seconds before you send more."}}, 5),
        ({"error": {"message": "x", "details": [{"@type": "RetryInfo", "retryDelay": "22s"}]}}, 22),
        ({"error": "x", "retry_after": 12}, 12),
        ({"error": {"message": "x", "retry_after_ms": 1_500}}, 1.5),
        ({"error": {"message": "x", "retryAfter": "3"}}, 3),
        ({"error": "Model is loading", "estimated_time": 20.5}, 20.5),
        ({"error": {"message": "Try again later. Limit: 30 requests per minute."}}, None),
        ({"error": {"message": "x", "retry_after": -1}}, None),
        ({"error": {"message": "x", "retry_after": True}}, None),
    ],
)
def test_a_delay_that_stands_in_the_body_is_found(value: object, delay: float | None) -> None:
    assert read(value).delay == (delay if delay is None else pytest.approx(delay))


@given(JSON)
def test_whatever_a_body_says_can_be_read(value: object) -> None:
    error = read(value)

    assert error.delay is None or 0 <= error.delay < float("inf")
    assert error.status is None or 400 <= error.status < 1_000


@given(st.binary(max_size=200))
def test_whatever_bytes_come_can_be_read(body: bytes) -> None:
    assert isinstance(read_error(body).message, str)


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"error":' * 7_000, b'{"message":"' + b"\\" * 60_000])
def test_a_hostile_body_is_no_trouble(body: bytes) -> None:
    assert isinstance(read_error(body), ErrorBody)
