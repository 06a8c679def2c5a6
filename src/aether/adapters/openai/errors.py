"""Errors of a model server, translated into the service's own: by the status, and by what the body says."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from aether.adapters.openai.error_body import ErrorBody, message_of_page, read_error
from aether.adapters.openai.error_status import status_in
from aether.adapters.openai.error_words import is_bad_key, is_refusal, is_unknown_model
from aether.adapters.openai.limit_words import is_busy, is_hopeless_limit, is_quota, is_too_long
from aether.adapters.openai.retry_delay import delay_of, describe_pause
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

TEXTS = "OPENAI"
IMAGES = "AETHER_IMAGE"
"""Prefixes of the settings of a model server: of the one for texts, and of one that is for images only."""

# Conflicts, dependencies that fail, models that are locked while they load, and connections that a proxy gave up.
_PASSING = frozenset({408, 409, 421, 423, 424, 425, 440, 444, 449, 460, 463, 499})
# Server errors that say that the request cannot be served at all.
_NOT_IMPLEMENTED = frozenset({501, 505, 506, 510})
_NOT_FOUND = frozenset({404, 405})
_SUCCESS, _REDIRECT, _SERVER_ERROR = range(200, 300), range(300, 400), 500
_UNAUTHORIZED = 401
_MAX_DETAIL_CHARS = 300
_MAX_QUOTE_CHARS = 120
_CLOSING, _ENDS = "\"'”’)]»", tuple(".!?:…。\uff01\uff1f")
_MIN_SECRET_CHARS = 8  # a placeholder for "no key" is shorter, and may be an ordinary word
_PARTIAL_KEY = re.compile(r"\bsk-[^\s,;\"']+")
# Control characters, and those that change the direction of what follows them.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


class Target(msgspec.Struct, frozen=True):
    """The target of a request, for error messages.

    Attributes:
        url: the address that was called, without its query.
        has_version: whether the base URL names a version of the API, such as `/v1`.
        model_setting: the setting of the model; None if the request named a model of its own.
        prefix: the prefix of the server's settings.
        secrets: what must not be shown, because some servers repeat it.
    """

    url: str
    has_version: bool
    model_setting: str | None = "AETHER_MODEL"
    prefix: str = TEXTS
    secrets: tuple[str, ...] = ()


class FailedCall(Exception):  # noqa: N818 - carries the error
    """The server answered with an error: the service's own error for it, and what its body says.

    `is_late` tells that a part of an answer came before the error.
    """

    def __init__(self, error: AetherError, body: ErrorBody, *, is_late: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.body = body
        self.is_late = is_late


def translate(status: int, reason: str, headers: Mapping[str, str], body: ErrorBody, target: Target) -> AetherError:
    """Return the service's own error for an answer; if its status is a success, the status in its body decides."""
    detail, sent = _detail(body, reason, target), status
    if status in _SUCCESS:
        inner = status_in(body)
        if inner is None:
            return UnusableOutputError(f"it is an error: {detail.rstrip('.')}")
        status = inner
    if status < _SUCCESS.start:
        return ModelUnreachableError(f"its answer is not valid HTTP (status {status})")
    if status in _REDIRECT:
        return ModelRejectedRequestError(status, _redirect(headers, target))
    delay = delay_of(status, headers, body)
    failure = _Failure(status, body, delay, detail, target, sent)
    return next(error(failure) for applies, error in _KINDS if applies(status, body, delay))


class _Failure(NamedTuple):
    status: int
    body: ErrorBody
    delay: float | None
    detail: str
    target: Target
    sent: int  # the status of the answer, if the one in its body counts


def _rejected_key(failure: _Failure) -> AetherError:
    # The reason of a 401 is always the key, and its words tend to quote a part of it.
    words = _PARTIAL_KEY.sub("…", failure.detail) if failure.body.message and failure.sent != _UNAUTHORIZED else ""
    return ModelRejectedKeyError(failure.status, f"{failure.target.prefix}_API_KEY", words)


def _rejected(failure: _Failure) -> AetherError:
    hint = _hint(failure.status, failure.body, failure.target)
    return ModelRejectedRequestError(failure.status, failure.detail + describe_pause(failure.delay) + hint)


def _without_credit(failure: _Failure) -> AetherError:
    hint = f" Check the account of {failure.target.prefix}_API_KEY."
    return ModelRejectedRequestError(failure.status, failure.detail + hint)


def _overloaded(failure: _Failure) -> AetherError:
    return ModelOverloadedError(failure.status, failure.delay, failure.detail + describe_pause(failure.delay))


def _failed(failure: _Failure) -> AetherError:
    return ModelFailedError(failure.status, failure.delay, failure.detail + describe_pause(failure.delay))


_Applies = Callable[[int, ErrorBody, float | None], bool]

_KINDS: tuple[tuple[_Applies, Callable[[_Failure], AetherError]], ...] = (
    (
        lambda status, body, _: is_refusal(status, body),
        lambda failure: ModelRefusedError(failure.detail, failure.status),
    ),
    (is_quota, _without_credit),
    (is_hopeless_limit, _rejected),
    (lambda status, body, _: is_busy(status, body), _overloaded),
    (lambda status, body, _: is_bad_key(status, body), _rejected_key),
    (lambda status, _, __: status in ModelOverloadedError.STATUSES, _overloaded),
    (lambda status, body, _: is_too_long(status, body), _rejected),
    (
        lambda status, _, __: status in _PASSING or (status >= _SERVER_ERROR and status not in _NOT_IMPLEMENTED),
        _failed,
    ),
    (lambda _, __, ___: True, _rejected),
)
"""The kinds of errors in the order in which they are tried."""


def _detail(body: ErrorBody, reason: str, target: Target) -> str:
    message = body.message or message_of_page(body) or reason or "no reason given"
    reasons = [reason for reason in body.reasons if reason not in message]
    return _sentence(clean(f"{message} ({', '.join(reasons)})" if reasons else message, target.secrets))


def _sentence(text: str) -> str:
    """Return a text with a full stop, if it has no end of its own, because other sentences follow."""
    return text if text.rstrip(_CLOSING).endswith(_ENDS) else f"{text}."


def clean(text: str, secrets: tuple[str, ...], max_chars: int = _MAX_DETAIL_CHARS) -> str:
    """Return a text of the server as one line of limited length, without secrets and control characters."""
    text = text[: 20 * _MAX_DETAIL_CHARS]
    for secret in secrets:
        if len(secret) >= _MIN_SECRET_CHARS:
            text = text.replace(secret, "…")
    line = " ".join(_CONTROLS.sub(" ", text).split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"


def _redirect(headers: Mapping[str, str], target: Target) -> str:
    place = clean(headers.get("location", "").partition("?")[0], target.secrets)
    to = f" to {place}" if place else ""
    return f"it redirects{to}, which is not followed; check {target.prefix}_BASE_URL."


def explain(error: UnusableOutputError, expected: str, beginning: bytes, target: Target) -> Exception:
    """Return a better error for an answer that cannot be read: by the words, or the page, with which it begins.

    `expected` is the sentence of an error that only says what the answer is not.
    """
    body = read_error(beginning)
    if body.is_page:
        return UnusableOutputError(f"it is a web page and {error.why}{_hint_for_page(body, target)}")
    if body.status is None and status_in(body) is not None:
        return FailedCall(translate(200, "", {}, body, target), body)
    return UnusableOutputError(_describe(expected, beginning, target)) if error.why == expected else error


def _hint_for_page(body: ErrorBody, target: Target) -> str:
    """Ask whether the address is that of a page for people instead of the API."""
    title = clean(message_of_page(body), target.secrets)
    return f"; the address that was called is {target.url}{title and f', with the title “{title}”'}; {_check(target)}"


def _describe(expected: str, beginning: bytes, target: Target) -> str:
    """Say what came in place of what was expected, and which setting may be wrong."""
    text = clean(beginning.decode("utf-8", "replace"), target.secrets, _MAX_QUOTE_CHARS)
    # What was meant as a completion comes from the right address.
    hint = "" if '"choices"' in text else f"; the address that was called is {target.url}; {_check(target)}"
    return f"{expected}: “{text}”{hint}" if text else f"it is empty{hint}"


def _check(target: Target) -> str:
    setting = f"{target.prefix}_BASE_URL"
    return f"check {setting}" if target.has_version else f"should {setting} end with /v1?"


def _hint(status: int, body: ErrorBody, target: Target) -> str:
    """Say which setting is likely to be wrong."""
    if is_unknown_model(status, body):
        return f" Check {target.model_setting}." if target.model_setting else " The request named this model."
    if is_too_long(status, body) and target.prefix == TEXTS:
        return " Check AETHER_MODEL_CONTEXT."
    if status in _NOT_FOUND or body.is_page:
        return f" The address that was called is {target.url}; {_sentence(_check(target))}"
    return ""
