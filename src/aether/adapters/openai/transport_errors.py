"""Transport errors: what goes wrong between Aether and a model server, translated into the service's own errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import aiohttp

from aether.errors import ModelUnreachableError

BadHttp = (
    aiohttp.ClientResponseError,
    aiohttp.http_exceptions.HttpProcessingError,
    ValueError,  # a header or a reason phrase that cannot be decoded
)
_TIMEOUTS = (TimeoutError, aiohttp.ServerTimeoutError)
_MAX_REASON_CHARS = 120


class ServerLabel(NamedTuple):
    """A server for error messages: the name of its host, and the setting where its address is set."""

    host: str
    setting: str


_SENTENCES: tuple[
    tuple[type[BaseException] | tuple[type[BaseException], ...], Callable[[ServerLabel, str], str]], ...
] = (
    (
        aiohttp.ClientConnectorDNSError,
        lambda server, _: f"the host name {server.host} has no address; check {server.setting}",
    ),
    (
        aiohttp.ClientConnectorCertificateError,
        lambda server, why: f"its certificate is not valid ({why}); check {server.setting}",
    ),
    (
        aiohttp.ClientConnectorSSLError,
        lambda server, why: f"no TLS connection could be made ({why}); check {server.setting}",
    ),
    (
        (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError),
        lambda _, why: f"the HTTP proxy of the environment does not connect to it ({why})",
    ),
    (
        (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError),
        lambda server, _: f"it accepts no connection; check {server.setting}",
    ),
    (aiohttp.InvalidURL, lambda server, _: f"its address is not valid; check {server.setting}"),
    (_TIMEOUTS, lambda _, __: "it did not answer in time"),
    (BadHttp, lambda _, why: f"its answer is not valid HTTP ({why})"),
    (aiohttp.ServerDisconnectedError, lambda _, __: "it closed the connection before its answer"),
    (aiohttp.ClientPayloadError, lambda _, __: "it closed the connection within its answer"),
    (BaseException, lambda _, __: "the connection was lost"),
)
"""The first entry whose type fits describes an error, from the server and its reason."""


@contextmanager
def translated_errors(server: ServerLabel) -> Iterator[None]:
    """Raise what goes wrong inside the block as ModelUnreachableError: a retry may help in all of these cases."""
    try:
        yield
    except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, ValueError, EOFError) as error:
        raise ModelUnreachableError(_describe(error, server), timed_out=_is_late(error)) from error


def _describe(error: BaseException, server: ServerLabel) -> str:
    if type(error.__cause__) is aiohttp.http_exceptions.BadHttpMessage:
        # Whether aiohttp wraps it depends on whether the head of the answer was read before.
        error = error.__cause__
    sentence = next(sentence for kind, sentence in _SENTENCES if isinstance(error, kind))
    return sentence(server, _reason(error))


def _is_late(error: BaseException) -> bool:
    """Whether the connection was made, and the answer took too long."""
    return isinstance(error, _TIMEOUTS) and not isinstance(error, aiohttp.ConnectionTimeoutError)


def _reason(error: BaseException) -> str:
    """Return the first line of the reason, without the bytes of the answer that the parser quotes below it."""
    message = getattr(error, "message", None)  # of some errors it is the beginning of an answer
    text = message if message and isinstance(message, str) else str(getattr(error, "os_error", None) or error)
    return " ".join(text.split("\n", 1)[0].split())[:_MAX_REASON_CHARS].rstrip(":")
