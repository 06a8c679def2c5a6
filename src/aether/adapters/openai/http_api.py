"""HTTP API of a model server: posts requests through OpenAI's client, within limits of time and memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from traceback import clear_frames
from typing import NamedTuple

import httpx2
import openai

from aether.adapters.openai.address import ModelAddress
from aether.adapters.openai.error_body import read_error
from aether.adapters.openai.errors import TEXTS, FailedCall, Target, translate
from aether.adapters.openai.transport import BODY, ErrorAnswer
from aether.errors import ModelUnreachableError, UnusableOutputError

_DRAIN_TIMEOUT_S = 1.0
_BIG = 262_144  # bytes; larger answers are read one or two at a time, so that memory stays bounded
_BIG_ANSWERS = 2
# The client describes itself and its machine in these headers. They are half of a call's headers, and stay in memory
# as long as the call lasts.
_TELEMETRY = (
    *("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version"),
    *("Async", "Retry-Count", "Read-Timeout"),
)
_OMITTED = {f"X-Stainless-{name}": openai.Omit() for name in _TELEMETRY}


class ServerSettings(NamedTuple):
    """Settings of a server.

    Attributes:
        address: its address.
        total_timeout: the seconds for a whole answer.
        prefix: the prefix of its settings, for error messages.
        sends_key: whether the client sends an Authorization header.
        secrets: what is removed from its error texts.
    """

    address: ModelAddress
    total_timeout: float
    prefix: str = TEXTS
    sends_key: bool = True
    secrets: tuple[str, ...] = ()


class ServerApi:
    """The HTTP API of one server."""

    def __init__(self, client: openai.AsyncOpenAI, settings: ServerSettings) -> None:
        self._client = client
        self._settings = settings
        # The client insists on a key, unless each request leaves it out.
        omitted = _OMITTED if settings.sends_key else {**_OMITTED, "Authorization": openai.Omit()}
        self._options: openai.RequestOptions = {"headers": omitted}
        self._big_answers = asyncio.Semaphore(_BIG_ANSWERS)
        self.address = settings.address

    def target(self, path: str, model_setting: str | None) -> Target:
        """Describe a request for error messages."""
        address, settings = self.address, self._settings
        return Target(
            url=address.label(path),
            has_version=address.has_version,
            model_setting=model_setting,
            prefix=settings.prefix,
            secrets=settings.secrets,
        )

    @asynccontextmanager
    async def limits(self, target: Target) -> AsyncIterator[None]:
        """End what takes longer than the total timeout, and translate answers with an error.

        Raises:
            FailedCall: the server answered with an error.
            ModelUnreachableError: it sent no answer, or none in time.
        """
        seconds = self._settings.total_timeout
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise ModelUnreachableError(f"no complete answer within {seconds:g} s", timed_out=True) from error
        except ErrorAnswer as error:
            body = read_error(error.body)
            raise FailedCall(translate(error.status, error.reason, error.headers, body, target), body) from error
        except (openai.APIError, httpx2.RequestError) as error:
            raise ModelUnreachableError("the request cannot be sent") from error
        except (ModelUnreachableError, UnusableOutputError) as error:
            # Whoever keeps the error, until its job has ended, must not keep megabytes of the answer with it.
            clear_frames(error.__traceback__)
            raise

    async def post(self, url: str, body: bytes) -> bytes:
        """Send a request, and return its whole answer."""
        async with self.stream(url, body) as pieces:
            return await self.read(pieces)

    async def get(self, url: str) -> bytes:
        """Return what is at an address of the server."""
        response = await self._client.get(url, cast_to=httpx2.Response, options=self._options, stream=True)
        async with aclosing(response):
            return await self.read(aiter(response.extensions[BODY]))

    @asynccontextmanager
    async def stream(self, url: str, body: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        """Send a request, and yield its answer in pieces."""
        async with aclosing(await self._send(url, body)) as response:
            yield aiter(response.extensions[BODY])

    async def _send(self, url: str, body: bytes) -> httpx2.Response:
        # The client's typed method would validate and convert the whole request and answer, and each piece of a stream,
        # at ten times the cost.
        return await self._client.post(url, cast_to=httpx2.Response, content=body, options=self._options, stream=True)

    async def read(self, pieces: AsyncIterator[bytes], beginning: bytes = b"") -> bytes:
        """Return a whole answer: its beginning, and the pieces that follow."""
        content = bytearray(beginning)
        async for piece in pieces:
            content += piece
            if len(content) > _BIG:
                break
        else:
            return bytes(content)
        async with self._big_answers:
            async for piece in pieces:
                content += piece
            return bytes(content)


async def drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the rest of a finished stream, so that the connection can be used again."""
    with suppress(TimeoutError, ModelUnreachableError, UnusableOutputError):
        async with asyncio.timeout(_DRAIN_TIMEOUT_S):
            async for _ in pieces:
                pass
