import logging
import re
import socket
import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aether.adapters.openai.retry_delay import parse_retry_after
from aether.errors import (
    AetherError,
    ModelFailedError,
    ModelOverloadedError,
    ModelRefusedError,
    ModelRejectedKeyError,
    ModelRejectedRequestError,
    ModelUnreachableError,
    UnusableOutputError,
)
from tests.scripted_model import (
    NAMED,
    Action,
    HttpError,
    Rule,
    ScriptedModel,
    Trickle,
    client_error,
    html_page,
    rate_limit_error,
)
from tests.service.chat_factory import FORM, KEY, MESSAGES, OUTLINE_MESSAGES, open_chat
from tests.waiting import slowness


async def error_from(action: Action, **environment: str) -> AetherError:
    """Return the error of a call that the server answers like this, and see that it is made once."""
    async with ScriptedModel(rules=[Rule(do=action)]) as model, open_chat(model, **environment) as chat:
        with pytest.raises(AetherError) as caught:
            await chat.complete(MESSAGES)
        assert model.count() == 1
    assert KEY not in f"{caught.value!s} {caught.value!r}"
    return caught.value


FILTERED = client_error(400, "The prompt was filtered.", "content_filter")
QUOTA = HttpError(status=429, message="You exceeded your quota.", type="insufficient_quota", code="insufficient_quota")
FAULTS: dict[str, tuple[Action, type[AetherError], str]] = {
    "401": (NAMED["401"], ModelRejectedKeyError, "API key (HTTP 401). Check OPENAI_API_KEY."),
    "403": (NAMED["403"], ModelRejectedKeyError, "API key (HTTP 403)"),
    "404": (NAMED["404"], ModelRejectedRequestError, "(HTTP 404): The model `the-model` does not exist"),
    "400": (NAMED["400"], ModelRejectedRequestError, "(HTTP 400): Invalid value in the request."),
    "413": (client_error(413, "Too long."), ModelRejectedRequestError, "(HTTP 413): Too long."),
    "422": (client_error(422, "No such thing."), ModelRejectedRequestError, "(HTTP 422): No such thing."),
    "quota": (QUOTA, ModelRejectedRequestError, "(HTTP 429): You exceeded your quota."),
    "429": (rate_limit_error(), ModelOverloadedError, "overloaded (HTTP 429)"),
    "503": (NAMED["503"], ModelOverloadedError, "overloaded (HTTP 503)"),
    "529": (HttpError(status=529), ModelOverloadedError, "overloaded (HTTP 529)"),
    "408": (HttpError(status=408), ModelFailedError, "failed (HTTP 408)"),
    "409": (HttpError(status=409), ModelFailedError, "failed (HTTP 409)"),
    "500": (NAMED["500"], ModelFailedError, "failed (HTTP 500)"),
    "502": (NAMED["502"], ModelFailedError, "failed (HTTP 502)"),
    "a proxy's 502": (html_page(502), ModelFailedError, "failed (HTTP 502)"),
    "a proxy's 504": (html_page(504), ModelFailedError, "failed (HTTP 504)"),
    "a proxy's 404": (html_page(404), ModelRejectedRequestError, "(HTTP 404): Not Found"),
    "a proxy's 503": (html_page(503), ModelOverloadedError, "overloaded (HTTP 503)"),
    "reset": (NAMED["reset"], ModelUnreachableError, "the connection was lost."),
    "reset in the body": (NAMED["reset-body"], ModelUnreachableError, "it closed the connection within its answer."),
    "truncated": (NAMED["truncate"], ModelUnreachableError, "it closed the connection within its answer."),
    "hang": (NAMED["hang"], ModelUnreachableError, "did not answer in time"),
    "hang in the body": (NAMED["hang-body"], ModelUnreachableError, "did not answer in time"),
    "invalid JSON": (NAMED["invalid-body"], UnusableOutputError, "no chat completion"),
    "a page instead": (html_page(200), UnusableOutputError, "no chat completion"),
    "empty body": (HttpError(status=200, body=""), UnusableOutputError, "it is empty; "),
    "an error with 200": (HttpError(status=200), ModelFailedError, "failed (HTTP 500): The server had an error"),
    "no choices": (HttpError(status=200, body='{"choices": []}'), UnusableOutputError, "no choices"),
    "filtered prompt": (FILTERED, ModelRefusedError, "The prompt was filtered."),
    "an error in plain words": (
        HttpError(status=400, body='{"error": "model is loading"}'),
        ModelRejectedRequestError,
        "model is loading",
    ),
    "an error in FastAPI's form": (
        HttpError(status=422, body='{"detail": "messages: field required"}'),
        ModelRejectedRequestError,
        "messages: field required",
    ),
    "an error without a word": (HttpError(status=413, body="{}"), ModelRejectedRequestError, "Too Large"),
    "a code of another type": (
        HttpError(status=400, body='{"error": {"message": "No.", "code": ["x"]}}'),
        ModelRejectedRequestError,
        "No.",
    ),
    "its key told": (client_error(400, f"Bad key {KEY}."), ModelRejectedRequestError, "Bad key …."),
}


@pytest.mark.parametrize(("action", "expected", "text"), FAULTS.values(), ids=FAULTS)
async def test_every_failure_has_an_error_of_its_own_and_is_not_retried_here(
    action: Action, expected: type[AetherError], text: str
) -> None:
    error = await error_from(action)

    assert type(error) is expected
    assert text in str(error)


@pytest.mark.parametrize(
    ("action", "least", "most"),
    [
        (rate_limit_error(after_s=7), 7, 7),
        (rate_limit_error(after_s=0.5), 0.5, 0.5),
        (rate_limit_error(after_ms=250), 0.25, 0.25),
        (rate_limit_error(after_s=9, after_ms=250), 0.25, 0.25),
        (rate_limit_error(at_s=60), 57, 60),
        (rate_limit_error(at_s=-60), 0, 0),
        (HttpError(status=503, retry_after_s=3), 3, 3),
        (HttpError(status=500, retry_after_s=3), 3, 3),
    ],
)
async def test_the_wait_a_server_asks_for_is_in_the_error(action: Action, least: float, most: float) -> None:
    error = await error_from(action)

    assert isinstance(error, ModelOverloadedError | ModelFailedError)
    assert error.retry_after is not None
    assert least <= error.retry_after <= most


@pytest.mark.parametrize("action", [rate_limit_error(), HttpError(status=429, headers={"retry-after": "soon"})])
async def test_without_a_wait_in_the_answer_there_is_none_in_the_error(action: Action) -> None:
    error = await error_from(action)

    assert isinstance(error, ModelOverloadedError)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("host", "what"),
    [
        ("127.0.0.1", "it accepts no connection; check OPENAI_BASE_URL"),
        ("nowhere.invalid", "the host name nowhere.invalid has no address; check OPENAI_BASE_URL"),
    ],
)
async def test_a_server_that_is_not_there_is_unreachable(host: str, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with open_chat(ScriptedModel(), OPENAI_BASE_URL=f"http://{host}:{port}/v1") as chat:
        with pytest.raises(ModelUnreachableError, match=what):
            await chat.complete(MESSAGES)


async def test_a_server_that_does_not_accept_is_unreachable_after_the_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        first.connect(listener.getsockname())  # fills the backlog
        second = socket.socket()
        second.settimeout(0)
        second.connect_ex(listener.getsockname())
        silent = ScriptedModel(port=listener.getsockname()[1])
        async with open_chat(silent, AETHER_MODEL_CONNECT_TIMEOUT="0.2", AETHER_MODEL_READ_TIMEOUT="0.2") as chat:
            begun = time.monotonic()
            with pytest.raises(ModelUnreachableError):
                await chat.complete(MESSAGES)
        second.close()

    assert time.monotonic() - begun < 1.5 * slowness()


async def test_an_answer_that_trickles_in_is_given_up_after_the_total_time() -> None:
    """Every byte comes within the read timeout, so that alone would wait for ever."""
    rules = [Rule(do=Trickle(total_ms=60_000, pieces=6_000))]
    async with ScriptedModel(rules=rules) as model, open_chat(model, AETHER_MODEL_TOTAL_TIMEOUT="0.4") as chat:
        with pytest.raises(ModelUnreachableError, match=re.escape("no complete answer within 0.4 s")):
            await chat.complete(MESSAGES)
        await model.wait_for(lambda record: record.calls(outcome="disconnected"))

        assert model.count() == 1


@pytest.mark.parametrize("fault", ["401", "404", "quota", "429", "500", "filtered prompt", "413"])
async def test_only_an_error_that_the_form_may_have_caused_leads_to_the_next_variant(fault: str) -> None:
    action, expected, _ = FAULTS[fault]
    async with ScriptedModel(rules=[Rule(do=action)]) as model, open_chat(model) as chat:
        with pytest.raises(expected):
            await chat.complete(OUTLINE_MESSAGES, form=FORM)

        assert model.count() == 1


@pytest.mark.parametrize("fault", ["401", "400", "its key told", "500", "reset", "hang"])
async def test_the_key_is_in_no_log(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        error = await error_from(FAULTS[fault][0])

    assert error is not None
    assert KEY not in caplog.text


async def test_a_rejection_without_a_word_is_asked_once_more_without_a_system_role() -> None:
    async with ScriptedModel(rules=[Rule(do=HttpError(status=400, body="{}"))]) as model, open_chat(model) as chat:
        with pytest.raises(ModelRejectedRequestError, match="Bad Request"):
            await chat.complete(MESSAGES)

        roles = [[message["role"] for message in call.body["messages"]] for call in model.calls()]
    assert roles == [["system", "user"], ["user"]]


@pytest.mark.parametrize("years", [-3, 3])
def test_a_date_to_wait_for_is_by_the_clock_of_the_server(years: int) -> None:
    date = f"{datetime.now(UTC).year + years}"
    headers = {"date": f"Mon, 05 Jan {date} 10:00:00 GMT", "retry-after": f"Mon, 05 Jan {date} 10:00:07 GMT"}

    assert parse_retry_after(headers) == 7
    assert parse_retry_after({**headers, "date": "today"}) == (0 if years < 0 else pytest.approx(years * 3e7, rel=0.3))


@given(
    st.text()
    | st.floats().map(str)
    | st.integers().map(str)
    | st.from_regex(r"\A(Mon, )?\d{1,2} (Jan|Feb) \d{1,6} \d\d:\d\d:\d\d (GMT|[+-]\d{1,12})\Z")
)
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Fri, 31 Dec 99999999999999999999 23:59:59 GMT")
@example("Mon, 01 Jan 2025 00:00:00 +99999999999999999999")
def test_any_header_is_a_wait_or_none(value: str) -> None:
    """Whatever a server sends, a failed call must not fail in a worse way."""
    for name in ("retry-after", "retry-after-ms"):
        pause = parse_retry_after({name: value})
        assert pause is None or 0 <= pause < float("inf")
