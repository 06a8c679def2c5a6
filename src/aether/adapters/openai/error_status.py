"""Error status: the HTTP status that an error means which came with a success, as tables."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

from aether.adapters.openai.error_body import ErrorBody
from aether.adapters.openai.error_words import is_bad_key, is_unknown_endpoint, is_unknown_model
from aether.adapters.openai.limit_words import BUSY_CODES, is_quota
from aether.errors import ModelOverloadedError

_BAD_REQUEST, _UNAUTHORIZED, _PAYMENT_REQUIRED, _NOT_FOUND, _SERVER_ERROR = 400, 401, 402, 404, 500
_KNOWN_STATUSES = frozenset(
    {*HTTPStatus, *ModelOverloadedError.STATUSES, 440, 444, 449, 460, 463, 499, *range(520, 531), 598, 599}
)
"""The statuses that HTTP has, or that proxies and model servers have added; other numbers are codes of a server."""

_STATUS_OF: Mapping[int, str] = {
    **BUSY_CODES,
    504: "timeout timeout_error deadline_exceeded gateway_timeout",
    500: "server_error api_error internal internal_error internal_server_error internalservererror apierror",
    502: "bad_gateway upstream_error provider_error",
    404: "not_found not_found_error notfounderror unknown_url model_not_found unknown_endpoint",
    403: "permission_error permission_denied permissiondeniederror forbidden access_denied accessdenied",
    401: "authentication_error unauthenticated unauthorized invalid_api_key authenticationerror authfailure "
    "unrecognizedclientexception",
    402: "payment_required billing_error insufficient_quota exceeded_current_quota_error",
    413: "request_too_large",
    501: "unimplemented not_implemented",
    400: "invalid_request_error invalid_request bad_request badrequesterror invalid_argument failed_precondition "
    "unsupported_parameter unsupported_value invalid_value content_filter content_policy_violation",
}
_STATUS_BY_CODE = {code: status for status, codes in _STATUS_OF.items() for code in codes.split()}
"""The HTTP status that a code or type stands for: OpenAI's, Anthropic's, Google's and LiteLLM's."""


def _says(words: str) -> Callable[[ErrorBody], object]:
    pattern = re.compile(words, re.IGNORECASE)
    return lambda body: pattern.search(body.message)


_STATUS_BY_MEANING: tuple[tuple[Callable[[ErrorBody], object], int], ...] = (
    (lambda body: is_bad_key(_BAD_REQUEST, body), _UNAUTHORIZED),
    (lambda body: is_quota(_BAD_REQUEST, body, body.delay), _PAYMENT_REQUIRED),
    (_says(r"\byet\b"), 503),
    (lambda body: is_unknown_model(_NOT_FOUND, body), _NOT_FOUND),
    (is_unknown_endpoint, _NOT_FOUND),
    (_says(r"too many requests|rate.?limit|overloaded|at capacity|throttl|quota"), 429),
    (_says(r"time(?:d)?[ -]?out|deadline"), 504),
    (_says(r"unavailable|is (?:currently )?loading|try again later|temporarily"), 503),
    (_says(r"internal (?:server )?error"), 500),
    (_says(r"\b(?:parameter|request|argument|field|input)\b.{0,40}\b(?:invalid|missing|required)|bad request"), 400),
)
"""The status that the words of an error mean; the first entry that fits counts."""


def status_in(body: ErrorBody) -> int | None:
    """Return the status that an error means which came with a success: by its code, its type or its words."""
    if body.status in _KNOWN_STATUSES:
        return body.status
    statuses = sorted((_STATUS_BY_CODE[code] for code in body.codes if code in _STATUS_BY_CODE), reverse=True)
    # "invalid_request_error" is the type of many errors; a code beside it says more.
    if specific := [status for status in statuses if status != _BAD_REQUEST] or statuses:
        return specific[0]
    status = next((status for means, status in _STATUS_BY_MEANING if means(body)), None)
    if status is not None or body.status is None:
        return status
    # A number of the server's own is in the class of HTTP's statuses that it looks like.
    return _BAD_REQUEST if body.status < _SERVER_ERROR else _SERVER_ERROR
