"""Adaptation: what to change about a request that a server has rejected, as a table."""

import re
from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.error_body import ErrorBody
from aether.adapters.openai.error_words import is_unknown_model
from aether.adapters.openai.errors import FailedCall
from aether.adapters.openai.limit_words import is_quota, is_too_long
from aether.errors import ModelFailedError, ModelRejectedRequestError, UnusableOutputError

_REJECTED = frozenset({400, 403, 404, 405, 406, 415, 422, 501})
_FORM_STATUSES = frozenset({400, 404, 405, 406, 415, 422, 501})
_STREAM_STATUSES = frozenset({400, 422, 501})
_SYSTEM_STATUSES = frozenset({400, 422})


class Asked(NamedTuple):
    """What a call has asked for, apart from its texts.

    Attributes:
        model: the model.
        options: the names of the operator's options, as they were sent.
        has_form: whether the answer must be JSON.
        has_system: whether there was a message of the system.
        streams: whether a stream was asked for.
    """

    model: str
    options: frozenset[str]
    has_form: bool
    has_system: bool
    streams: bool


class Adapted(NamedTuple):
    """A dialect to try next, and whether the server itself has named what it does not accept."""

    dialect: Dialect
    is_named: bool


class _Adaptation(NamedTuple):
    words: re.Pattern[str]
    applies: Callable[[Dialect, Asked], bool]
    change: Callable[[Dialect], Dialect | None]


_BY_WORDS: tuple[_Adaptation, ...] = (
    _Adaptation(
        re.compile(r"stream_options|include_usage", re.IGNORECASE),
        lambda dialect, asked: asked.streams and dialect.stream == "usage",
        lambda dialect: replace(dialect, stream="plain"),
    ),
    _Adaptation(
        re.compile(
            r"response_format|json_?schema|json_?object|json.?mode|structured.?output|guided|grammar", re.IGNORECASE
        ),
        lambda dialect, asked: asked.has_form and dialect.form != "prompt",
        lambda dialect: dialect.with_next_form(),
    ),
    _Adaptation(
        re.compile(r"stream", re.IGNORECASE),
        lambda dialect, asked: not asked.streams and not dialect.streams_only,
        lambda dialect: replace(
            dialect, streams_only=True, stream="usage" if dialect.stream == "none" else dialect.stream
        ),
    ),
    _Adaptation(
        re.compile(r"stream", re.IGNORECASE),
        lambda _, asked: asked.streams,
        lambda dialect: dialect.with_next_stream(),
    ),
    _Adaptation(
        re.compile(
            r"\broles?\b|\bsystem\b|developer instruction|system.?(?:prompt|instruction)|alternat", re.IGNORECASE
        ),
        lambda dialect, asked: asked.has_system and dialect.system,
        lambda dialect: replace(dialect, system=False),
    ),
)
"""What to change when the server names the cause; the first entry that fits is taken."""

_SAYS_UNSUPPORTED = re.compile(
    r"support|invalid|unknown|unrecogni[sz]ed|unexpected|not (?:allowed|permitted|implemented|enabled|available)|must"
    r"|\bonly\b|requires?\b|extra|cannot",
    re.IGNORECASE,
)

_NO_REASON = re.compile(r"[\s{}]*|(?:error|bad request|invalid request|unprocessable entity)[.!]?", re.IGNORECASE)


def adapt(dialect: Dialect, failed: FailedCall, asked: Asked) -> Adapted | None:
    """Return how to ask again after a rejection; None if another way of asking would not help."""
    error, body = failed.error, failed.body
    if failed.is_late:
        return None
    if isinstance(error, ModelFailedError | UnusableOutputError):
        # A server error, or an error of unknown kind in a success, is taken for a rejection only if it says so.
        return _by_words(dialect, body, asked) if _SAYS_UNSUPPORTED.search(body.message) else None
    if not isinstance(error, ModelRejectedRequestError) or error.status not in _REJECTED:
        return None
    if is_too_long(error.status, body):
        # No matter of forms; but an option for the length of the answer may take up the context.
        return _by_option(dialect, body, asked)
    return _by_words(dialect, body, asked) or _by_status(dialect, error.status, body, asked)


def doubt(dialect: Dialect, asked: Asked) -> Dialect | None:
    """Return how to ask next after a failure that may be due to a feature; None if there is none to leave out."""
    if asked.streams and not dialect.streams_all:
        return replace(dialect, stream="none")
    return dialect.with_next_form() if asked.has_form else None


def _by_words(dialect: Dialect, body: ErrorBody, asked: Asked) -> Adapted | None:
    words = f"{body.param} {body.message}"
    if (adapted := _by_option(dialect, body, asked)) is not None:
        return adapted
    for adaptation in _BY_WORDS:
        if adaptation.words.search(words) and adaptation.applies(dialect, asked):
            changed = adaptation.change(dialect)
            if changed is not None:
                return Adapted(changed, is_named=True)
    return None


def _by_option(dialect: Dialect, body: ErrorBody, asked: Asked) -> Adapted | None:
    changed = adapt_option(dialect, body, asked.options)
    return None if changed is None else Adapted(changed, is_named=True)


def _by_status(dialect: Dialect, status: int, body: ErrorBody, asked: Asked) -> Adapted | None:
    """Servers word it too differently to tell which field they reject; the plainest request decides."""
    if is_unknown_model(status, body) or is_quota(status, body, body.delay):
        return None
    changed = None
    if asked.has_form and status in _FORM_STATUSES:
        changed = dialect.with_next_form()
    if changed is None and asked.streams and status in _STREAM_STATUSES:
        changed = dialect.with_next_stream()
    if changed is None and asked.has_system and dialect.system and status in _SYSTEM_STATUSES and _says_nothing(body):
        changed = replace(dialect, system=False)
    return Adapted(changed, is_named=False) if changed else None


def _says_nothing(body: ErrorBody) -> bool:
    return body.is_page or _NO_REASON.fullmatch(body.message) is not None


LIMIT_NAMES = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens"})
"""The names that servers have for the most tokens that an answer may have."""
_IDENTIFIER = r"(?:the )?['\"`]?(?P<new>[a-z][a-z0-9]*(?:_[a-z0-9]+)+)['\"`]?"
_REPLACEMENTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:use|try|using|prefer|called|renamed to|replaced (?:by|with)|favou?r of|did you mean)\s{_IDENTIFIER}",
        rf"{_IDENTIFIER}\s(?:instead|should be used)",
    )
)


def adapt_option(dialect: Dialect, body: ErrorBody, options: frozenset[str]) -> Dialect | None:
    """Return the dialect with another name for the option that an error names, or without it; None if it names none."""
    option = _named_option(body, options)
    return None if option is None else dialect.with_option(option, _new_name(body, option, options))


def _named_option(body: ErrorBody, options: frozenset[str]) -> str | None:
    """Return the operator's option that an error names, if any."""
    if body.param.partition(".")[0] in options:
        return body.param.partition(".")[0]
    return next((name for name in sorted(options, key=len, reverse=True) if _names(body, name)), None)


def _names(body: ErrorBody, name: str) -> bool:
    if "_" in name:
        return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", body.text) is not None
    # A name that is also a word counts only where it is used as a name.
    word = re.escape(name)
    patterns = (
        rf"['\"`]{word}['\"`]",
        rf"\b(?:parameter|argument|option|field|property|name|input|support)s?:? {word}\b",
        rf"\b{word}:? (?:is|are|parameter|must|extra)\b",
    )
    return any(re.search(pattern, body.message, re.IGNORECASE) for pattern in patterns)


def _new_name(body: ErrorBody, option: str, options: frozenset[str]) -> str | None:
    """Return the name that a server wants for an option; None if it has none."""
    for pattern in _REPLACEMENTS:
        found = pattern.search(body.message)
        if found and found["new"].casefold() != option and found["new"] not in options:
            return found["new"]
    synonyms = LIMIT_NAMES if option in LIMIT_NAMES else frozenset()
    return next((name for name in sorted(synonyms - {option} - options) if re.search(rf"\b{name}\b", body.text)), None)
