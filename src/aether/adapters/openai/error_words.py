"""Error words: what the codes and sentences of model servers mean, as tables."""

import re

from aether.adapters.openai.error_body import ErrorBody

_MAYBE_REFUSED = frozenset({400, 403, 406, 422, 424, 451})
_MAYBE_MODEL = frozenset({400, 403, 404, 410, 422})
_MAYBE_QUOTA = frozenset({400, 403, 429})
_PAYMENT_REQUIRED, _UNAVAILABLE_FOR_LEGAL_REASONS, _FORBIDDEN, _UNAUTHORIZED = 402, 451, 403, 401

_STATUS_OF = {
    429: "rate_limit_error rate_limit_exceeded rate_limited too_many_requests requests tokens resource_exhausted "
    "insufficient_quota exceeded_current_quota_error ratelimiterror throttling engine_overloaded_error",
    529: "overloaded_error overloaded",
    503: "unavailable unavailable_error service_unavailable serviceunavailableerror model_loading",
    504: "timeout timeout_error deadline_exceeded gateway_timeout",
    500: "server_error api_error internal internal_error internal_server_error internalservererror apierror",
    502: "bad_gateway upstream_error provider_error",
    404: "not_found not_found_error notfounderror unknown_url model_not_found unknown_endpoint",
    403: "permission_error permission_denied permissiondeniederror forbidden access_denied",
    401: "authentication_error unauthenticated unauthorized invalid_api_key authenticationerror",
    402: "payment_required billing_error",
    413: "request_too_large",
    501: "unimplemented not_implemented",
    400: "invalid_request_error invalid_request bad_request badrequesterror invalid_argument failed_precondition "
    "unsupported_parameter unsupported_value invalid_value content_filter content_policy_violation",
}
_STATUS_BY_CODE = {code: status for status, codes in _STATUS_OF.items() for code in codes.split()}
"""The HTTP status that a code or type stands for: OpenAI's, Anthropic's, Google's and LiteLLM's."""

_STATUS_BY_WORDS = (
    (re.compile(r"too many requests|rate.?limit|overloaded|at capacity|throttl|quota", re.IGNORECASE), 429),
    (re.compile(r"time(?:d)?[ -]?out|deadline", re.IGNORECASE), 504),
    (re.compile(r"unavailable|is (?:currently )?loading|try again later|temporarily", re.IGNORECASE), 503),
    (re.compile(r"internal (?:server )?error", re.IGNORECASE), 500),
)

_FILTER_CODES = frozenset(
    {
        *("content_filter", "content_policy_violation", "moderation_blocked", "responsibleaipolicyviolation"),
        *(
            "data_inspection_failed",
            "datainspectionfailed",
            "content_filtered",
            "safety",
            "prompt_blocked",
            "moderation",
        ),
        *("content_moderation", "sensitive_content", "prohibited_content", "input_flagged", "flagged", "1301"),
    }
)
_FILTER_WORDS = re.compile(
    r"\bflagged\b|content (?:management |moderation )?(?:filter|polic)|safety system|usage polic|\bmoderation\b"
    r"|inappropriate content|violat\w+ .{0,40}polic|prohibited content|harmful content"
    r"|blocked by .{0,30}(?:safety|filter)",
    re.IGNORECASE,
)
_QUOTA_CODES = frozenset(
    {
        *("insufficient_quota", "exceeded_current_quota_error", "billing_hard_limit_reached", "billing_not_active"),
        *("insufficient_balance", "insufficient_user_quota", "insufficient_credits", "arrearage", "payment_required"),
        *("account_deactivated", "credit_limit_reached", "quota_exhausted", "insufficient_funds", "1113"),
    }
)
_QUOTA_WORDS = re.compile(
    r"current quota|insufficient (?:quota|balance|credit|funds)|out of credits|credit balance|billing (?:details|hard)|"
    r"no (?:more )?credits?\b|quota (?:is )?(?:exhausted|used up)|余额不足|欠费"
    r"|account .{0,40}(?:arrears|overdue|suspended|deactivated)",
    re.IGNORECASE,
)
_RATE_WORDS = re.compile(
    r"rate.?limit|too many requests|(?:per|/) ?(?:second|minute|min|hour|day)\b|\b[RT]P[MD]\b", re.IGNORECASE
)
_KEY_CODES = frozenset({"invalid_api_key", "api_key_invalid", "missing_api_key", "authentication_error"})
_KEY_WORDS = re.compile(
    r"\b(?:api|access)[ _-]?(?:key|token)s?\b|\bkey\b|\bcredential|\bauth|\bpermission|\bnot allowed\b|\bunauthori"
    r"|\baccess (?:denied|to)|\bnot have access|\bforbidden\b|\btoken\b",
    re.IGNORECASE,
)
_BAD_KEY_WORDS = re.compile(
    r"(?:invalid|incorrect|missing|wrong|no|expired) api[ _-]?key"
    r"|api[ _-]?key (?:is )?(?:not valid|invalid|missing|expired)",
    re.IGNORECASE,
)
_MODEL_CODES = frozenset(
    {
        *("model_not_found", "modelnotfound", "invalid_model", "model_not_supported", "deploymentnotfound"),
        *("unknown_model", "model_not_available", "no_such_model", "model_decommissioned", "model_not_exist"),
    }
)
_MODEL_WORDS = re.compile(
    r"\b(?:model|deployment)s?\b.{0,120}?(?:not (?:found|exist|available|supported|loaded|a valid)|does ?n[o']t exist"
    r"|is (?:invalid|unknown)|has been (?:deprecated|decommissioned|removed))"
    r"|(?:no such|unknown|invalid|unsupported|find|recognized) (?:the )?(?:model|deployment)\b"
    r"|not a valid model|no access to (?:the )?model|not have access to (?:the )?model"
    r"|no (?:model|endpoint)s? .{0,40}(?:found|loaded)|no models? loaded",
    re.IGNORECASE | re.DOTALL,
)
_NOT_ABOUT_MODEL = re.compile(
    r"with this model|by this model|this model(?:'s)? (?:does not|maximum|only)", re.IGNORECASE
)
_ENDPOINT_WORDS = re.compile(
    r"(?:unknown|unexpected|invalid|no such|unsupported) (?:endpoint|url|path|route|method)|\bcannot post\b"
    r"|(?:endpoint|url|path|route|page|resource)\b.{0,60}(?:not found|does not exist)|no route|not found",
    re.IGNORECASE,
)


def status_in(body: ErrorBody) -> int | None:
    """Return the status that an error means which came with a success: by its code, its type or its words."""
    if body.status is not None:
        return body.status
    statuses = sorted((_STATUS_BY_CODE[code] for code in body.codes if code in _STATUS_BY_CODE), reverse=True)
    # "invalid_request_error" is the type of many errors; a code beside it says more.
    if specific := [status for status in statuses if status != 400] or statuses:  # noqa: PLR2004 - see above
        return specific[0]
    if is_unknown_endpoint(body):
        return 404
    return next((status for words, status in _STATUS_BY_WORDS if words.search(body.message)), None)


def is_refusal(status: int, body: ErrorBody) -> bool:
    """Whether a content filter or a moderation has declined the request."""
    if body.codes & _FILTER_CODES or status == _UNAVAILABLE_FOR_LEGAL_REASONS:
        return True
    return status in _MAYBE_REFUSED and bool(body.reasons or _FILTER_WORDS.search(body.message))


def is_quota(status: int, body: ErrorBody, delay: float | None) -> bool:
    """Whether the account has no credit left; a server that names a delay speaks of a limit that heals."""
    if status == _PAYMENT_REQUIRED or body.codes & _QUOTA_CODES:
        return True
    if status not in _MAYBE_QUOTA or delay is not None or _RATE_WORDS.search(body.message):
        return False
    return _QUOTA_WORDS.search(body.message) is not None


def is_bad_key(status: int, body: ErrorBody) -> bool:
    """Whether the key is at fault; a 403 that speaks of something else is not about the key."""
    if is_unknown_model(status, body) and status != _UNAUTHORIZED:
        return False
    if status == _UNAUTHORIZED:
        return True
    if status == _FORBIDDEN:
        return not (body.message or body.is_page) or _KEY_WORDS.search(body.message) is not None
    return status == 400 and (bool(body.codes & _KEY_CODES) or _BAD_KEY_WORDS.search(body.message) is not None)  # noqa: PLR2004


def is_unknown_model(status: int, body: ErrorBody) -> bool:
    """Whether the server does not know the model, or does not give access to it."""
    if body.codes & _MODEL_CODES:
        return True
    if status not in _MAYBE_MODEL or _NOT_ABOUT_MODEL.search(body.message):
        return False
    return _MODEL_WORDS.search(body.message[:1_000]) is not None


def is_unknown_endpoint(body: ErrorBody) -> bool:
    """Whether the server does not know the address that was called."""
    return _ENDPOINT_WORDS.search(body.message[:1_000]) is not None
