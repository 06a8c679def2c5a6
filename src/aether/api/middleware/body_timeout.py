"""What is refused of a request for how it arrives, before anybody looks at what it asks for."""

import asyncio

from litestar.types import HTTPReceiveMessage, Receive

from aether.errors import CallerError, TransientError

WHOLE_BODY_S = 30.0
_SILENCE_S = 10.0


class MalformedRequestError(CallerError):
    """It is not HTTP/1.1, or its parts could be told apart in more than one way (RFC 9112, 11.2)."""


class RequestTimeoutError(CallerError):
    """It did not come to its end in time."""

    def __init__(self) -> None:
        super().__init__("The request took too long to arrive.")


class UriTooLongError(CallerError):
    """Its target is longer than any that leads somewhere."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request's target is longer than {limit} bytes.")


class HeadersTooLargeError(CallerError):
    """Its header has more lines, or more in them, than anybody sends."""

    def __init__(self, lines: int, size: int) -> None:
        super().__init__(f"The request's header has more than {lines} lines or {size} bytes.")


class TooManyConnectionsError(TransientError):
    """It came by a connection more than this process takes."""

    def __init__(self) -> None:
        super().__init__("The server has all the connections that it takes.", retry_after=5.0)


class BodyTimeout:
    """Receives a request's body, for which nobody waits for ever; what comes after it may take its time."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._arriving = True
        self._deadline = asyncio.get_running_loop().time() + WHOLE_BODY_S

    async def __call__(self) -> HTTPReceiveMessage:
        """Return the next message.

        Raises:
            RequestTimeoutError: there was silence for too long, or the whole took too long.
        """
        if not self._arriving:
            return await self._receive()  # type: ignore[return-value]  # HTTP has no other messages
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now + _SILENCE_S, self._deadline)):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeoutError from None
        self._arriving = message["type"] == "http.request" and message["more_body"]
        return message  # type: ignore[return-value]  # as above
