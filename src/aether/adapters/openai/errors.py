"""Errors of a model server, translated into the service's own: by the status, and by what the body says."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from aether.adapters.openai.error_body import ErrorBody, message_of_page
from aether.adapters.openai.error_words import (
    is_bad_key,
    is_quota,
    is_refusal,
    is_unknown_model,
    status_in,
)
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
_MAX_DETAIL_CHARS = 300
_MIN_SECRET_CHARS = 8  # a placeholder for "no key" is shorter, and may be an ordinary word
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
    detail = _detail(body, reason, target)
    if status in _SUCCESS:
        inner = status_in(body)
        if inner is None:
            return UnusableOutputError(f"it is an error: {detail}")
        status = inner
    delay = parse_retry_after(headers)
    if delay is None:
        delay = body.delay
    if status < _SUCCESS.start:
        return ModelUnreachableError(f"its answer is not valid HTTP (status {status})")
    if status in _REDIRECT:
        return ModelRejectedRequestError(status, _redirect(headers, target))
    for applies, error in _KINDS:
        if applies(status, body, delay):
            return error(status, delay, detail, target)
    return ModelRejectedRequestError(status, detail + _hint(status, body, target))


_Applies = Callable[[int, ErrorBody, float | None], bool]
_Make = Callable[[int, float | None, str, Target], AetherError]

_KINDS: tuple[tuple[_Applies, _Make], ...] = (
    (
        lambda status, body, _: is_refusal(status, body),
        lambda status, _, detail, __: ModelRefusedError(detail, status),
    ),
    (is_quota, lambda status, _, detail, __: ModelRejectedRequestError(status, detail)),
    (
        lambda status, body, _: is_bad_key(status, body),
        lambda status, _, __, target: ModelRejectedKeyError(status, f"{target.prefix}_API_KEY"),
    ),
    (
        lambda status, _, __: status in ModelOverloadedError.STATUSES,
        lambda status, delay, detail, _: ModelOverloadedError(status, delay, detail),
    ),
    (
        lambda status, _, __: status in _PASSING or (status >= _SERVER_ERROR and status not in _NOT_IMPLEMENTED),
        lambda status, delay, detail, _: ModelFailedError(status, delay, detail),
    ),
)
"""The kinds of errors in the order in which they are tried; the rest are rejected requests."""


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a server asks for, in seconds: `retry-after-ms`, or `Retry-After` as seconds or a date."""
    if milliseconds := _parse_number(headers.get("retry-after-ms")):
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None:
        return None
    if (seconds := _parse_number(value)) is not None:
        return seconds
    at = _parse_date(value)
    if at is None:
        return None
    # The date of the answer is by the server's clock, as is the date to wait for.
    return max(0.0, (at - (_parse_date(headers.get("date", "")) or datetime.now(UTC))).total_seconds())


def _parse_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)


def _parse_number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _detail(body: ErrorBody, reason: str, target: Target) -> str:
    message = body.message or message_of_page(body) or reason or "no reason given"
    reasons = [reason for reason in body.reasons if reason not in message]
    return clean(f"{message} ({', '.join(reasons)})" if reasons else message, target.secrets)


def clean(text: str, secrets: tuple[str, ...]) -> str:
    """Return a text of the server as one line of limited length, without secrets and control characters."""
    text = text[: 20 * _MAX_DETAIL_CHARS]
    for secret in secrets:
        if len(secret) >= _MIN_SECRET_CHARS:
            text = text.replace(secret, "…")
    return " ".join(_CONTROLS.sub(" ", text).split())[:_MAX_DETAIL_CHARS]


def _redirect(headers: Mapping[str, str], target: Target) -> str:
    place = clean(headers.get("location", "").partition("?")[0], target.secrets)
    to = f" to {place}" if place else ""
    return f"it redirects{to}, which is not followed; check {target.prefix}_BASE_URL."


def hint_for_page(body: ErrorBody, target: Target) -> str:
    """Ask whether the address is that of a page for people instead of the API."""
    title = clean(message_of_page(body), target.secrets)
    where = f"; the address that was called is {target.url}" + (f", with the title “{title}”" if title else "")
    return where + ("" if target.has_version else f"; should {target.prefix}_BASE_URL end with /v1?")


def _hint(status: int, body: ErrorBody, target: Target) -> str:
    """Say which setting is likely to be wrong."""
    if is_unknown_model(status, body):
        return f" Check {target.model_setting}." if target.model_setting else " The request named this model."
    if status in _NOT_FOUND:
        setting = f"{target.prefix}_BASE_URL"
        check = f"check {setting}" if target.has_version else f"should {setting} end with /v1?"
        return f" The address that was called is {target.url}; {check}"
    return ""
