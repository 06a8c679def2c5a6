"""Error words: what the codes and sentences of model servers mean, as tables."""

import re

from aether.adapters.openai.error_body import ErrorBody

_MAYBE_REFUSED = frozenset({400, 403, 406, 422, 424, 451})
_MAYBE_MODEL = frozenset({400, 403, 404, 410, 422})
_UNAVAILABLE_FOR_LEGAL_REASONS, _FORBIDDEN, _UNAUTHORIZED = 451, 403, 401
_BAD_REQUEST = 400

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
_KEY_CODES = frozenset(
    {
        *("invalid_api_key", "api_key_invalid", "missing_api_key", "authentication_error", "authfailure"),
        "no_db_connection",  # LiteLLM's proxy looks up any key but its own in its database
    }
)
_KEY_WORDS = re.compile(
    r"\b(?:api|access)[ _-]?(?:key|token)s?\b|\bkey\b|\bcredential|\bauth|\bpermission|\bnot allowed\b|\bunauthori"
    r"|\baccess (?:denied|to)|\bnot have access|\bforbidden\b|\btoken\b",
    re.IGNORECASE,
)
_PLACE_WORDS = re.compile(r"\bIPs?\b|\bIP[ -]address|\b(?:country|region|territor|location)", re.IGNORECASE)
_KEY_NAME = r"(?:(?:api|access|auth|secret)[ _-]?(?:key|token|id)|credential)s?"
_BAD_KEY_WORDS = re.compile(
    r"(?:invalid|incorrect|missing|wrong|no|expired|unknown|unauthori[sz]ed) (?:api|access|auth|secret)[ _-]?"
    r"(?:key|token)"
    rf"|\b{_KEY_NAME} (?:you provided )?(?:is |are |has |have |was )?"
    r"(?:not (?:valid|found)|invalid|missing|(?:been )?(?:expired|revoked|disabled)|incorrect)"
    r"|\btoken (?:is |has |was )?(?:been )?(?:expired|revoked)|log[ -]?in fail"
    r"|authentication (?:is |was |has )?(?:invalid|fail)|carry the api secret|no connected db"
    r"|无效的令牌|身份验证失败|令牌(?:已过期|不正确)",
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


def is_refusal(status: int, body: ErrorBody) -> bool:
    """Whether a content filter or a moderation has declined the request."""
    if body.codes & _FILTER_CODES or status == _UNAVAILABLE_FOR_LEGAL_REASONS:
        return True
    return status in _MAYBE_REFUSED and bool(body.reasons or _FILTER_WORDS.search(body.message))


def is_bad_key(status: int, body: ErrorBody) -> bool:
    """Whether the key is at fault; a 403 that speaks of something else is not about the key."""
    if is_unknown_model(status, body) and status != _UNAUTHORIZED:
        return False
    if status == _UNAUTHORIZED:
        return True
    if status == _FORBIDDEN:
        says_key = _KEY_WORDS.search(body.message) is not None and not _PLACE_WORDS.search(body.message)
        return says_key or not (body.message or body.is_page)
    return status == _BAD_REQUEST and (bool(body.codes & _KEY_CODES) or _BAD_KEY_WORDS.search(body.message) is not None)


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
