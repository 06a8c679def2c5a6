"""Request errors: why a request is rejected before its handler runs."""

from aether.errors import CallerError, TransientError


class MalformedRequestError(CallerError):
    """The request is not HTTP/1.1, or its framing is ambiguous (RFC 9112, 11.2)."""


class RequestTimeoutError(CallerError):
    """The request took too long to arrive."""

    def __init__(self) -> None:
        super().__init__("The request took too long to arrive.")


class UriTooLongError(CallerError):
    """The request target exceeds the limit in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request's target is longer than {limit} bytes.")


class HeadersTooLargeError(CallerError):
    """The header section exceeds the limit in lines or in bytes."""

    def __init__(self, lines: int, size: int) -> None:
        super().__init__(f"The request's header has more than {lines} lines or {size} bytes.")


class TooManyConnectionsError(TransientError):
    """This process has as many connections as it accepts."""

    def __init__(self) -> None:
        super().__init__("The server has all the connections that it takes.", retry_after=5.0)


class MalformedBodyError(CallerError):
    """The body is not JSON, or there is none."""


class UnsupportedBodyError(CallerError):
    """The content type of the body is none of those that the handler takes."""

    def __init__(self, content_type: str, expected: tuple[str, ...] = ("application/json",)) -> None:
        found = f"not {content_type}" if content_type else "and named so in Content-Type"
        super().__init__(f"The body must be {' or '.join(expected)}, {found}.")
