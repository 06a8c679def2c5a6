"""Limit words: what model servers say about rates, quotas, and requests that are too long, as tables."""

import re
from collections.abc import Mapping

from aether.adapters.openai.error_body import ErrorBody
from aether.errors import ModelOverloadedError

LIMIT_STATUSES = frozenset({420, 429, 430, 498})
"""The statuses that say that the caller has reached a limit."""

_PAYMENT_REQUIRED = 402
_MAYBE_QUOTA = frozenset({400, 403, 429})
_MAYBE_BUSY = frozenset({400, 403, 422})
_MAYBE_TOO_LONG = frozenset({400, 413, 422, 429, 500})
_LONG_WAIT_S = 3_600.0  # a limit by the day that heals sooner is one that slides

_QUOTA_CODES = frozenset(
    {
        *("insufficient_quota", "exceeded_current_quota_error", "billing_hard_limit_reached", "billing_not_active"),
        *("insufficient_balance", "insufficient_user_quota", "insufficient_credits", "arrearage", "payment_required"),
        *("account_deactivated", "credit_limit_reached", "quota_exhausted", "insufficient_funds", "1113"),
    }
)
_QUOTA_WORDS = re.compile(
    r"current quota|insufficient (?:quota|balance|credit|funds)|out of credits|credit balance|billing (?:details|hard)|"
    r"no (?:more )?credits?\b|available credits|spending (?:cap|limit)|budget (?:is |has been |was )?exceeded|"
    r"quota (?:is )?(?:exhausted|used up)|余额不足|欠费"
    r"|account .{0,40}(?:arrears|overdue|suspended|deactivated)",
    re.IGNORECASE,
)
_RATE_WORDS = re.compile(
    r"rate.?limit|too many requests|(?:per|/) ?(?:second|minute|min|hour|day)\b|\b[RT]P[MD]\b", re.IGNORECASE
)
_DAY_WORDS = re.compile(
    r"(?:(?<![a-z])per[ _-]?|/ ?)(?:day|week|month)(?![a-z])|\b(?:daily|weekly|monthly)\b|\b[RT]PD\b", re.IGNORECASE
)
_SHORT_RATE_WORDS = re.compile(r"(?:per|/)[ _-]?(?:s|sec|second|m|min|minute|h|hour)\b|\b[RT]PM\b", re.IGNORECASE)
_DAY_QUOTA = re.compile(r'"quotaId":\s*"[^"]{0,100}PerDay', re.IGNORECASE)
_NO_QUOTA_AT_ALL = re.compile(r"\blimit\b\W{1,3}0(?!\d|[.,]\d)", re.IGNORECASE)
_LARGER_THAN_LIMIT = re.compile(r"request (?:is )?too large", re.IGNORECASE)

BUSY_CODES: Mapping[int, str] = {
    429: "rate_limit_error rate_limit_exceeded rate_limited too_many_requests requests tokens resource_exhausted "
    "ratelimiterror throttling engine_overloaded_error throttlingexception throttled toomanyrequestsexception "
    "toomanyrequests requestlimitexceeded 1302 1303 1305",
    529: "overloaded_error overloaded",
    503: "unavailable unavailable_error service_unavailable serviceunavailableerror model_loading",
}
"""The codes and types of servers that ask for fewer requests, by the status that they stand for."""

_BUSY_CODES = frozenset(code for codes in BUSY_CODES.values() for code in codes.split())
_BUSY_WORDS = re.compile(
    r"throttl|too many (?:\w+ )?(?:requests|connections|calls)\b|one request at a time|please (?:wait|slow down)"
    r"|another request is (?:in progress|being|already|still|running)"
    r"|rate.?limit (?:is |was |has been )?(?:exceed|reach|hit)"
    r"|\b(?:server|model|service|system|engine) is (?:currently |too |very )*(?:busy|overloaded|at capacity)",
    re.IGNORECASE,
)
_LENGTH_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "context_window_exceeded"})
_LENGTH_WORDS = re.compile(
    r"context[ _-]?(?:length|window|size|limit)|max(?:imum)? (?:prompt|input|sequence|model) len"
    r"|(?:prompt|input|request|message)s? (?:is |are )?too (?:long|large)|too many (?:input |prompt )?tokens"
    r"|reduce (?:the |your )?(?:length|message|prompt|input)",
    re.IGNORECASE,
)


def is_quota(status: int, body: ErrorBody, delay: float | None) -> bool:
    """Whether the account has no credit left; a server that names a delay speaks of a limit that heals."""
    if status == _PAYMENT_REQUIRED or body.codes & _QUOTA_CODES:
        return True
    if status in LIMIT_STATUSES and _NO_QUOTA_AT_ALL.search(body.message):
        return True
    if status not in _MAYBE_QUOTA or delay is not None or _RATE_WORDS.search(body.message):
        return False
    return _QUOTA_WORDS.search(body.message) is not None


def is_hopeless_limit(status: int, body: ErrorBody, delay: float | None) -> bool:
    """Whether a limit cannot heal while a job waits: it is by the day or longer, or less than the request needs."""
    if status not in LIMIT_STATUSES:
        return False
    # Gemini names a delay of seconds beside a limit that is reset at midnight.
    if _LARGER_THAN_LIMIT.search(body.message) or _DAY_QUOTA.search(body.text):
        return True
    if (delay is not None and delay <= _LONG_WAIT_S) or _SHORT_RATE_WORDS.search(body.message):
        return False
    return _DAY_WORDS.search(body.message) is not None


def is_busy(status: int, body: ErrorBody) -> bool:
    """Whether the status of a rejection stands for what another server says with 429: wait."""
    if status not in _MAYBE_BUSY:
        return False
    return (
        body.status in ModelOverloadedError.STATUSES
        or bool(body.codes & _BUSY_CODES)
        or _BUSY_WORDS.search(body.message[:1_000]) is not None
    )


def is_too_long(status: int, body: ErrorBody) -> bool:
    """Whether the request is longer than the context of the model, or than the limits of the server."""
    if body.codes & _LENGTH_CODES:
        return True
    return status in _MAYBE_TOO_LONG and _LENGTH_WORDS.search(body.message[:1_000]) is not None
