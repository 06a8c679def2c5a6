import json

import pytest

from aether.adapters.openai.error_body import read_error
from aether.adapters.openai.errors import IMAGES, Target, clean, translate
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

SECRET = "sk-a-key-that-nobody-may-see"
TARGET = Target(
    "http://model.test/chat/completions",
    has_version=False,
    secrets=(SECRET, "none", ""),
)


def error_for(
    status: int, body: object = "", headers: dict[str, str] | None = None, target: Target = TARGET
) -> AetherError:
    content = body if isinstance(body, str) else json.dumps(body)
    return translate(status, "", headers or {}, read_error(content.encode()), target)


def openai(message: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": message, "type": None, "code": None, **fields}}


QUOTA: dict[str, tuple[int, object]] = {
    "the code": (429, openai("No.", code="insufficient_quota")),
    "the type": (429, openai("No.", type="insufficient_quota")),
    "Moonshot": (429, openai("No.", type="exceeded_current_quota_error")),
    "the words": (429, openai("You exceeded your current quota, please check your plan and billing details.")),
    "payment required": (402, openai("Insufficient credits.")),
    "DeepSeek": (402, openai("Insufficient Balance")),
    "Anthropic": (400, openai("Your credit balance is too low to access the API.")),
    "one-api": (403, openai("用户额度不足", code="insufficient_user_quota")),
    "DashScope": (
        400,
        {"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing."},
    ),
    "Zhipu": (429, openai("您的账户已欠费", code="1113")),
    "xAI": (403, {"code": "No.", "error": "Your team has used all available credits."}),
    "LiteLLM": (400, openai("Budget has been exceeded! Current cost: 10.1, Max budget: 10.0", type="budget_exceeded")),
}


@pytest.mark.parametrize(("status", "body"), QUOTA.values(), ids=QUOTA)
def test_an_account_without_credit_is_not_waited_for(status: int, body: object) -> None:
    error = error_for(status, body)

    assert isinstance(error, ModelRejectedRequestError)
    assert (error.status, read_error(json.dumps(body).encode()).message in str(error)) == (status, True)


LIMITS: dict[str, tuple[int, object, float | None]] = {
    "Groq": (429, openai("Rate limit reached. Please try again in 7.66s. Upgrade: https://x.test/billing"), 7.66),
    "Gemini": (
        429,
        [{"error": {"code": 429, "message": "You exceeded your current quota. Please retry in 41s.", "status": "X"}}],
        41,
    ),
    "words alone": (429, openai("Too many requests."), None),
    "by minute": (429, openai("Limit 3 / min. Add a payment method to your billing account."), None),
    "loading": (503, {"error": "Model is loading", "estimated_time": 20.5}, 20.5),
    "Groq's flexible tier": (498, openai("Flex tier capacity exceeded"), None),
    "Anthropic": (529, openai("Overloaded"), None),
    "Shopify": (430, "", None),
    "Twitter": (420, "", None),
}


@pytest.mark.parametrize(("status", "body", "delay"), LIMITS.values(), ids=LIMITS)
def test_a_limit_that_heals_is_waited_for_as_long_as_the_body_says(
    status: int, body: object, delay: float | None
) -> None:
    error = error_for(status, body)

    assert isinstance(error, ModelOverloadedError)
    assert (error.status, error.retry_after) == (status, delay)


def test_a_header_tells_the_delay_better_than_the_body() -> None:
    error = error_for(429, openai("Try again in 9s."), {"retry-after": "3"})

    assert isinstance(error, ModelOverloadedError)
    assert error.retry_after == 3


REFUSALS: dict[str, tuple[int, object]] = {
    "OpenRouter": (403, {"error": {"code": 403, "message": "input flagged", "metadata": {"reasons": ["violence"]}}}),
    "flagged": (403, openai("Your chosen model requires moderation and your input was flagged.")),
    "the code": (400, openai("No.", code="content_filter")),
    "Azure": (400, openai("No.", innererror={"code": "ResponsibleAIPolicyViolation"})),
    "Azure's words": (400, openai("The response was filtered due to Azure OpenAI's content management policy.")),
    "DashScope": (400, {"code": "data_inspection_failed", "message": "No."}),
    "Zhipu": (400, openai("No.", code="1301")),
    "the law": (451, ""),
}


@pytest.mark.parametrize(("status", "body"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_not_blamed_on_the_key(status: int, body: object) -> None:
    assert isinstance(error_for(status, body), ModelRefusedError)


def test_the_reasons_of_a_refusal_are_told() -> None:
    assert "input flagged (violence)" in str(error_for(*REFUSALS["OpenRouter"]))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, ""),
        (403, ""),
        (403, openai("You are not allowed to sample from this model.")),
        (403, openai("Invalid API key")),
        (403, {"detail": "Forbidden"}),
        (400, openai("API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT")),
    ],
)
def test_a_key_that_is_at_fault_is_named_by_its_setting(status: int, body: object) -> None:
    assert str(error_for(status, body)).endswith("Check OPENAI_API_KEY.")
    images = Target("x", has_version=True, prefix=IMAGES)
    assert isinstance(error := error_for(status, body, target=images), ModelRejectedKeyError)
    assert "AETHER_IMAGE_API_KEY" in str(error)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (openai("Country, region, or territory not supported"), "Country, region"),
        ({"message": "Your IP is not allowed to access this resource"}, "Your IP"),
        ("<html><title>Just a moment...</title></html>", "Just a moment..."),
    ],
)
def test_a_403_about_something_else_is_told_in_its_words(body: object, words: str) -> None:
    error = error_for(403, body)

    assert isinstance(error, ModelRejectedRequestError)
    assert words in str(error)


@pytest.mark.parametrize("status", [408, 409, 421, 423, 424, 425, 444, 449, 460, 499, 500, 502, 504, 520, 524, 599])
def test_statuses_that_pass_are_tried_again(status: int) -> None:
    assert isinstance(error_for(status, openai("Oops.")), ModelFailedError)


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 418, 422, 501, 505])
def test_statuses_that_stay_are_not(status: int) -> None:
    assert isinstance(error_for(status, openai("Oops.")), ModelRejectedRequestError)


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (404, "The model `the-model` does not exist or you do not have access to it.", "model_not_found"),
        (404, 'model "the-model" not found, try pulling it first', None),
        (404, "The model `the-model` does not exist.", None),
        (400, "the-model is not a valid model ID", None),
        (400, "Model Not Exist", None),
        (400, "Invalid model: the-model", None),
        (400, "Invalid model name passed in model=the-model", None),
        (404, "models/the-model is not found for API version v1main", None),
        (404, "No models loaded. Please load a model in the developer page.", None),
        (404, "No endpoints found for the-model.", None),
        (403, "Project `p` does not have access to model `the-model`", None),
        (404, "The API deployment for this resource does not exist.", "DeploymentNotFound"),
        (400, "The model `the-model` has been decommissioned", "model_decommissioned"),
    ],
)
def test_an_unknown_model_is_named_by_its_setting(status: int, message: str, code: str | None) -> None:
    error = error_for(status, openai(message, code=code))

    assert isinstance(error, ModelRejectedRequestError)
    assert str(error).endswith("Check AETHER_MODEL.")
    assert message in str(error)


def test_a_model_of_the_request_s_own_is_not_blamed_on_the_operator() -> None:
    own = Target("x", has_version=True, model_setting=None)

    assert "AETHER_MODEL" not in str(error_for(404, openai("No such model"), target=own))


ENDPOINTS: dict[str, tuple[int, object]] = {
    "404": (404, "404 page not found"),
    "no words": (404, ""),
    "FastAPI": (404, {"detail": "Not Found"}),
    "nginx": (404, "<html><title>404 Not Found</title></html>"),
    "405": (405, {"detail": "Method Not Allowed"}),
    "LM Studio": (200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
    "unknown endpoint": (200, {"error": "unknown endpoint POST /chat/completions"}),
    "Express": (404, "Cannot POST /chat/completions"),
    "a code": (200, openai("Invalid URL (POST /chat/completions)", code="unknown_url")),
}


@pytest.mark.parametrize(("status", "body"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_an_unknown_address_is_told_with_a_question_about_the_base_url(status: int, body: object) -> None:
    error = error_for(status, body)

    assert isinstance(error, ModelRejectedRequestError)
    assert "http://model.test/chat/completions" in str(error)
    assert "should OPENAI_BASE_URL end with /v1?" in str(error)


INSIDE: dict[str, tuple[object, type[AetherError]]] = {
    "a model in words": ({"success": False, "errors": [{"message": "No such model @cf/x"}]}, ModelRejectedRequestError),
    "a model that is not there yet": ({"detail": "Model not loaded yet"}, ModelOverloadedError),
    "SiliconFlow": ({"code": 20015, "message": "The parameter is invalid."}, ModelRejectedRequestError),
    "Zhipu": ({"error": {"code": "1302", "message": "No."}}, ModelOverloadedError),
    "429": ({"choices": None, "error": {"code": 429, "message": "Too many."}}, ModelOverloadedError),
    "429 as text": ({"error": {"code": "429", "message": "Too many."}}, ModelOverloadedError),
    "a type": ({"error": {"type": "overloaded_error", "message": "Too many."}}, ModelOverloadedError),
    "Google's status": ({"error": {"status": "RESOURCE_EXHAUSTED", "message": "Too many."}}, ModelOverloadedError),
    "words": ({"error": "Rate limit exceeded"}, ModelOverloadedError),
    "500": ({"error": {"code": 500, "message": "Oops."}}, ModelFailedError),
    "a server error": ({"error": {"type": "server_error", "message": "Oops."}}, ModelFailedError),
    "a timeout": ({"error": {"message": "Upstream request timed out"}}, ModelFailedError),
    "400": ({"error": {"code": 400, "message": "No."}}, ModelRejectedRequestError),
    "a client error": ({"error": {"type": "invalid_request_error", "message": "No."}}, ModelRejectedRequestError),
    "401": ({"error": {"code": 401, "message": "No."}}, ModelRejectedKeyError),
    "a filter": ({"error": {"code": "content_filter", "message": "No."}}, ModelRefusedError),
    "a list": ([{"error": {"code": 503, "message": "Busy."}}], ModelOverloadedError),
    "anything else": ({"error": {"message": "Oops."}}, UnusableOutputError),
}


@pytest.mark.parametrize(("body", "expected"), INSIDE.values(), ids=INSIDE)
def test_the_status_inside_a_success_decides(body: object, expected: type[AetherError]) -> None:
    error = error_for(200, body)

    assert type(error) is expected
    if expected is not ModelRejectedKeyError:
        assert read_error(json.dumps(body).encode()).message in str(error)


KEYS_INSIDE: dict[str, object] = {
    "MiniMax": {"base_resp": {"status_code": 2049, "status_msg": "invalid api key"}},
    "MiniMax without a key": {
        "base_resp": {
            "status_code": 1004,
            "status_msg": "login fail: Please carry the API secret key in the 'Authorization' field",
        }
    },
    "Coze": {"code": 4100, "msg": "authentication is invalid"},
    "iFlow": {"status": "439", "msg": "Your API Token has expired."},
    "Tencent": {
        "Response": {"Error": {"Code": "AuthFailure.SecretIdNotFound", "Message": "The SecretId is not found"}}
    },
    "one-api": {"error": {"message": "无效的令牌", "type": "new_api_error"}},
    "DeepSeek": {"error": {"message": "Authentication Fails (no such user)"}},
}


@pytest.mark.parametrize("body", KEYS_INSIDE.values(), ids=KEYS_INSIDE)
def test_a_key_that_is_rejected_inside_a_success_is_named_by_its_setting(body: object) -> None:
    error = error_for(200, body)

    assert type(error) is ModelRejectedKeyError
    assert read_error(json.dumps(body).encode()).message in str(error)
    assert str(error).endswith("Check OPENAI_API_KEY.")
    assert "439" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        {"error": {"message": "You exceeded your current quota."}},
        {"code": 5000, "msg": "out of credits"},
        {"status": "437", "msg": "no more credits"},
    ],
)
def test_an_account_without_credit_is_not_waited_for_inside_a_success_either(body: object) -> None:
    error = error_for(200, body)

    assert type(error) is ModelRejectedRequestError
    assert str(error).endswith(". Check the account of OPENAI_API_KEY.")


@pytest.mark.parametrize(
    ("number", "expected"), [("435", "rejected the request (HTTP 400): No."), ("777", "failed (HTTP 500): No.")]
)
def test_a_number_that_is_no_status_of_http_is_not_told_as_one(number: str, expected: str) -> None:
    assert expected in str(error_for(200, {"status": number, "msg": "No"}))


def test_a_proxy_that_cannot_look_up_the_key_names_its_setting() -> None:
    error = error_for(400, openai("No connected db.", type="no_db_connection", code="400"))

    assert str(error) == ("The model server rejected the API key (HTTP 400): No connected db. Check OPENAI_API_KEY.")


@pytest.mark.parametrize(
    ("status", "code"), [(401, None), (400, "invalid_api_key"), (403, None), (200, "invalid_api_key")]
)
def test_a_part_of_the_key_that_a_server_quotes_is_not_told(status: int, code: str | None) -> None:
    assert "sk-" not in str(error_for(status, openai("Incorrect API key provided: sk-abc***xyz.", code=code)))


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (404, "No fixture matched", "No fixture matched. The address that was called is"),
        (404, 'model "m" not found, try pulling it first', "try pulling it first. Check AETHER_MODEL."),
        (404, "No fixture matched!", "No fixture matched! The address"),
        (404, "No fixture matched…", "No fixture matched… The address"),
        (404, 'He said "No."', 'He said "No." The address'),
        (404, "没有。", "没有。 The address"),
        (400, "It is not\nvalid", "It is not valid."),
        (404, "a" * 400, f"{'a' * 299}… The address"),
    ],
)
def test_sentences_do_not_run_together(status: int, message: str, expected: str) -> None:
    assert expected in str(error_for(status, openai(message)))


@pytest.mark.parametrize(
    "message",
    ["Unexpected token is invalid JSON.", "The stop token was not found.", "The number of tokens is invalid."],
)
def test_a_token_of_a_text_is_no_key(message: str) -> None:
    assert type(error_for(400, openai(message))) is ModelRejectedRequestError


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_page_against_bots_names_the_address_unless_it_passes(status: int) -> None:
    page = "<!DOCTYPE html><html><title>Just a moment...</title></html>"
    named = "Just a moment... The address that was called is http://model.test/v1/x; check OPENAI_BASE_URL."
    error = error_for(status, page, target=Target("http://model.test/v1/x", has_version=True))

    assert (named in str(error)) is (status == 403)
    assert isinstance(error, ModelRejectedRequestError if status == 403 else ModelOverloadedError)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int) -> None:
    error = error_for(status, "", {"location": f"https://elsewhere.test/v1?key={SECRET}"})

    assert isinstance(error, ModelRejectedRequestError)
    assert "redirects to https://elsewhere.test/v1, which is not followed; check OPENAI_BASE_URL" in str(error)


def test_an_interim_status_is_no_answer() -> None:
    assert isinstance(error_for(101), ModelUnreachableError)


def test_a_text_of_the_server_is_one_line_without_secrets() -> None:
    assert clean(f"a\x00b\x1b[31m\u202e {SECRET}\n none", TARGET.secrets) == "a b [31m … none"
    assert len(clean("a" * 10_000, ())) == 300
