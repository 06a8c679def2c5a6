"""Errors of OpenAI's client and of its HTTP transport, translated into the service's own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import httpx2
import openai

from aether.errors import (
    AetherError,
    ModelFailedError,
    ModelOverloadedError,
    ModelRefusedError,
    ModelRejectedKeyError,
    ModelRejectedRequestError,
    ModelUnreachableError,
)

TEXTS = "OPENAI"
IMAGES = "AETHER_IMAGE"
"""Prefixes of the settings of a model server: of the one for texts, and of one that is for images only."""

_OVERLOADED_STATUSES = frozenset({429, 503, 529})
_BAD_KEY_STATUSES = frozenset({401, 403})
_TRANSIENT_STATUSES = frozenset({408, 409, 425})
_CONTENT_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})
_MAX_DETAIL_CHARS = 300
_MIN_KEY_CHARS = 8  # a placeholder for "no key" is shorter, and may be an ordinary word


def translate_api_error(error: openai.APIError, settings: str = TEXTS) -> AetherError:
    """Return the service's own error for this one; `settings` is the prefix of the server's settings."""
    if isinstance(error, openai.APIStatusError):
        return _translate_status(error, error.status_code, settings)
    # The client's aiohttp transport reports every connection error as a timeout; the original is the cause's cause.
    cause = error.__cause__ or error
    origin = cause.__cause__
    if isinstance(origin, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return ModelUnreachableError(f"it accepts no connection; check {settings}_BASE_URL")
    if isinstance(origin, aiohttp.ClientConnectionError) and not isinstance(origin, TimeoutError):
        return ModelUnreachableError(f"the connection was lost ({type(origin).__name__})")
    if isinstance(error, openai.APITimeoutError):
        return ModelUnreachableError("it did not answer in time")
    return ModelUnreachableError(f"the connection was lost ({type(cause).__name__})")


def translate_transport_error(error: httpx2.RequestError, settings: str = TEXTS) -> AetherError:
    """Return the service's own error for one that was raised while a body was read, outside OpenAI's client."""
    error_class = openai.APITimeoutError if isinstance(error, httpx2.TimeoutException) else openai.APIConnectionError
    api_error = error_class(request=error.request)
    api_error.__cause__ = error
    return translate_api_error(api_error, settings)


def _translate_status(error: openai.APIStatusError, status: int, settings: str) -> AetherError:
    if error.code in _CONTENT_FILTER_CODES:
        return ModelRefusedError(_detail(error), status)
    if status in _BAD_KEY_STATUSES:
        return ModelRejectedKeyError(status, f"{settings}_API_KEY")
    if error.code == "insufficient_quota":
        return ModelRejectedRequestError(status, _detail(error))
    if status in _OVERLOADED_STATUSES:
        return ModelOverloadedError(status, parse_retry_after(error.response.headers))
    if status >= 500 or status in _TRANSIENT_STATUSES:  # noqa: PLR2004 - HTTP's server errors
        return ModelFailedError(status, parse_retry_after(error.response.headers))
    return ModelRejectedRequestError(status, _detail(error))


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a server asks for, in seconds: `retry-after-ms`, or `Retry-After` as seconds or a date."""
    if milliseconds := _parse_number(headers.get("retry-after-ms")):
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None or (seconds := _parse_number(value)) is not None:
        return None if value is None else seconds
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _parse_number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _detail(error: openai.APIStatusError) -> str:
    message = _message(error.body) or error.response.reason_phrase or "no reason given"
    detail = " ".join(message.split())
    # Some servers repeat the key that they reject, and this text is stored and shown.
    key = error.request.headers.get("authorization", "").removeprefix("Bearer ")
    return (detail.replace(key, "…") if len(key) >= _MIN_KEY_CHARS else detail)[:_MAX_DETAIL_CHARS]


def _message(body: object) -> str:
    """Return OpenAI's `message`, FastAPI's `detail`, or a plain text; a proxy's HTML page has no message."""
    if isinstance(body, dict):
        return str(body.get("message") or body.get("detail") or "")
    return body if isinstance(body, str) and not body.lstrip().startswith("<") else ""
