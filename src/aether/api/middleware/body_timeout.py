"""Body timeout: how long a request's body may take to arrive."""

import asyncio

from litestar.types import HTTPReceiveMessage, Receive

from aether.api.http.request_errors import RequestTimeoutError

WHOLE_BODY_S = 30.0
_SILENCE_S = 10.0


class BodyTimeout:
    """Receives a request's body within the time limits; messages after the body may take any time."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_incomplete = True
        self._deadline = asyncio.get_running_loop().time() + WHOLE_BODY_S

    async def __call__(self) -> HTTPReceiveMessage:
        """Return the next message.

        Raises:
            RequestTimeoutError: the client sent nothing for too long, or the whole body took too long.
        """
        if not self._is_incomplete:
            return await self._receive()  # type: ignore[return-value]  # HTTP has no other messages
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now + _SILENCE_S, self._deadline)):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeoutError from None
        self._is_incomplete = message["type"] == "http.request" and message["more_body"]
        return message  # type: ignore[return-value]  # as above
