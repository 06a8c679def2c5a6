"""What the errors of OpenAI's client mean for a job."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
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
"""What the settings of a server begin with: of the one that writes, and of one that only paints."""

_OVERLOADED = frozenset({429, 503, 529})
_BAD_KEY = frozenset({401, 403})
_PASSING = frozenset({408, 409, 425})
_CONTENT_FILTER = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})
_MAX_DETAIL = 300
_SHORTEST_KEY = 8  # what stands for "no key" is shorter, and may be a word


def translated(error: openai.APIError, settings: str = TEXTS) -> AetherError:
    """Return the error of ours that says the same; `settings` is what those of the server begin with."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, error.status_code, settings)
    # The client's transport on aiohttp calls each of its connection errors a timeout; what it was stands behind that.
    cause = error.__cause__ or error
    origin = cause.__cause__
    if isinstance(origin, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return ModelUnreachableError(f"it accepts no connection; check {settings}_BASE_URL")
    if isinstance(origin, aiohttp.ClientConnectionError) and not isinstance(origin, TimeoutError):
        return ModelUnreachableError(f"the connection was lost ({type(origin).__name__})")
    if isinstance(error, openai.APITimeoutError):
        return ModelUnreachableError("it did not answer in time")
    return ModelUnreachableError(f"the connection was lost ({type(cause).__name__})")


def _of_status(error: openai.APIStatusError, status: int, settings: str) -> AetherError:
    if error.code in _CONTENT_FILTER:
        return ModelRefusedError(_detail(error), status)
    if status in _BAD_KEY:
        return ModelRejectedKeyError(status, f"{settings}_API_KEY")
    if error.code == "insufficient_quota":
        return ModelRejectedRequestError(status, _detail(error))
    if status in _OVERLOADED:
        return ModelOverloadedError(status, retry_after(error.response.headers))
    if status >= 500 or status in _PASSING:  # noqa: PLR2004 - HTTP's server errors
        return ModelFailedError(status, retry_after(error.response.headers))
    return ModelRejectedRequestError(status, _detail(error))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the pause a server asks for, in seconds: `retry-after-ms`, or `Retry-After` as seconds or a date."""
    if milliseconds := _number(headers.get("retry-after-ms")):
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None or (seconds := _number(value)) is not None:
        return None if value is None else seconds
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _detail(error: openai.APIStatusError) -> str:
    said = _said(error.body) or error.response.reason_phrase or "no reason given"
    detail = " ".join(said.split())
    # Some servers repeat the key they object to, and this text is kept and shown.
    key = error.request.headers.get("authorization", "").removeprefix("Bearer ")
    return (detail.replace(key, "…") if len(key) >= _SHORTEST_KEY else detail)[:_MAX_DETAIL]


def _said(body: object) -> str:
    """Read OpenAI's `message`, FastAPI's `detail`, or plain words, which a proxy's page is not."""
    if isinstance(body, dict):
        return str(body.get("message") or body.get("detail") or "")
    return body if isinstance(body, str) and not body.lstrip().startswith("<") else ""
