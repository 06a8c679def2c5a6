"""Actions: what can happen to a call: an answer, an error of the server, or a failure of the connection."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType


class _Action(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", omit_defaults=True):
    @property
    def fault(self) -> str:
        """The name under which the call is recorded; empty for a normal answer."""
        return type(self).__name__.lower()


class Answer(_Action, frozen=True, tag="answer"):
    """A completed chat completion.

    Attributes:
        content: The message's text; left unset it is the default text for the step.
        before: Text before the content, such as a model's thinking.
        share: How much of that text is sent, from its beginning; it may end inside a word.
        message: Fields that are added to the message, or replace them, and to the last delta of a stream.
        prompt_tokens: The reported tokens of the prompt; -1 reports an estimate.
        name: A fault's name for the record; an answer without one counts as "answered".
    """

    content: str | UnsetType | None = UNSET
    before: str = ""
    share: float = 1.0
    finish_reason: str = "stop"
    refusal: str | None = None
    message: dict[str, Any] = {}  # Any: JSON
    prompt_tokens: int = -1
    name: str = ""

    @property
    def fault(self) -> str:
        return self.name


class Picture(_Action, frozen=True, tag="picture"):
    """The images of a request for images.

    Attributes:
        file: The content: "png" is an image; "html", "svg", "truncated" and "empty" are none, "large" is a large
            one, and "missing" is a 404 at its address.
        as_url: Whether the answer has the address of this file, on the same server, instead of the file.
        url: Another address.
    """

    file: Literal["png", "html", "svg", "truncated", "empty", "large", "missing"] = "png"
    as_url: bool = False
    url: str | None = None

    @property
    def fault(self) -> str:
        return "" if self.file == "png" else self.file


class HttpError(_Action, frozen=True, tag="http"):
    """Any status with an error in OpenAI's format, or with `body` verbatim.

    `retry_after_date_s` becomes a `Retry-After` that is an HTTP date that many seconds from now.
    """

    status: int
    message: str = "The server had an error while processing your request."
    type: str = "server_error"
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = {}
    retry_after_s: float | None = None
    retry_after_ms: float | None = None
    retry_after_date_s: float | None = None
    body: str | None = None
    content_type: str = "application/json"

    @property
    def fault(self) -> str:
        return str(self.status)


class Events(_Action, frozen=True, tag="events"):
    """A stream with these events, each the JSON after `data: `; a line that begins otherwise is sent as it is."""

    events: tuple[str, ...]


class Bytes(_Action, frozen=True, tag="bytes"):
    """Bytes instead of an HTTP response, whatever they are; then the connection is closed."""

    data: bytes


class Flood(_Action, frozen=True, tag="flood"):
    """A head, then the same bytes again and again, until `total_mb` are sent or the client has closed."""

    head: bytes
    unit: bytes
    total_mb: float = 1_024.0


class Reset(_Action, frozen=True, tag="reset"):
    """A TCP reset; `share` is the part of the body sent before it, and 0 means not even the status line."""

    share: float = 0.0


class Hang(_Action, frozen=True, tag="hang"):
    """Silence until the client closes; `share` is the part of the body sent before it, 0 means nothing at all."""

    share: float = 0.0


class Truncate(_Action, frozen=True, tag="truncate"):
    """An orderly close before the announced end of the body."""

    share: float = 0.5


class Trickle(_Action, frozen=True, tag="trickle"):
    """The default answer in equal pieces over `total_ms`."""

    total_ms: float = 1_000.0
    pieces: int = 20


class Slow(_Action, frozen=True, tag="slow"):
    """The default answer, its first byte `first_byte_ms` after the request."""

    first_byte_ms: float = 5_000.0


Action = Answer | Picture | HttpError | Events | Bytes | Flood | Reset | Hang | Truncate | Trickle | Slow


def rate_limit_error(
    *, after_s: float | None = None, after_ms: float | None = None, at_s: float | None = None
) -> HttpError:
    """Return a 429 whose pause is in seconds, in milliseconds, a date `at_s` seconds from now, or not given."""
    return HttpError(
        status=429,
        message="Rate limit reached for requests.",
        type="requests",
        code="rate_limit_exceeded",
        retry_after_s=after_s,
        retry_after_ms=after_ms,
        retry_after_date_s=at_s,
    )


def client_error(status: int, message: str, code: str | None = None, param: str | None = None) -> HttpError:
    """Return an error of the client, for which another attempt would end in the same way."""
    return HttpError(status=status, message=message, type="invalid_request_error", code=code, param=param)


def model_not_found(model: str = "the-model") -> HttpError:
    """Return the 404 for a model that does not exist or that the key may not use."""
    return client_error(404, f"The model `{model}` does not exist or you do not have access to it.", "model_not_found")


def html_page(status: int = 502) -> HttpError:
    """Return the error page of a proxy in front of the server."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>nginx</body></html>"
    return HttpError(status=status, body=page, content_type="text/html")


def cut_off_answer(share: float = 0.5) -> Answer:
    """Return the first `share` of the text with finish reason "length"; a continuation gets the rest."""
    return Answer(share=share, finish_reason="length", name="length")


def refusal(text: str = "I cannot help with that.") -> Answer:
    """Return a refusal in its own field of the message, without content."""
    return Answer(content=None, refusal=text, name="refusal")


def policy_error() -> HttpError:
    """Return the 400 for a prompt that the safety system rejects."""
    message = "Your request was rejected as a result of our safety system."
    return client_error(400, message, "content_policy_violation")


NAMED: Mapping[str, Action] = {
    "429": rate_limit_error(),
    "429-after": rate_limit_error(after_s=1),
    "429-after-ms": rate_limit_error(after_ms=250),
    "429-date": rate_limit_error(at_s=2),
    "400": client_error(400, "Invalid value in the request.", "invalid_value"),
    "401": client_error(401, "Incorrect API key provided.", "invalid_api_key"),
    "403": client_error(403, "You are not allowed to sample from this model."),
    "404": model_not_found(),
    "500": HttpError(status=500),
    "502": HttpError(status=502, message="Bad gateway."),
    "503": HttpError(status=503, message="The engine is currently overloaded, please try again later."),
    "html": html_page(),
    "reset": Reset(),
    "reset-body": Reset(share=0.5),
    "hang": Hang(),
    "hang-body": Hang(share=0.5),
    "truncate": Truncate(),
    "trickle": Trickle(),
    "slow": Slow(),
    "policy": policy_error(),
    "invalid-body": HttpError(status=200, body='{"id": "chatcmpl-'),
    "length": cut_off_answer(),
    "refusal": refusal(),
    "content-filter": Answer(share=0.3, finish_reason="content_filter", name="content-filter"),
    "empty": Answer(content="", name="empty"),
    "whitespace": Answer(content=" \n\n\t ", name="whitespace"),
    "null": Answer(content=None, name="null"),
    "invalid-json": Answer(content='Sure! Here it is: {"sections": [{"title": "One",', name="invalid-json"),
    "wrong-shape": Answer(content='{"outline": {"chapters": 2}}', name="wrong-shape"),
}
"""Each fault with a short name, for `Mix` and for the command line."""

ONLY_FOR_OUTLINES = frozenset({"invalid-json", "wrong-shape"})
"""Faults that are usable answers, since they are prose, to everything but an outline."""
