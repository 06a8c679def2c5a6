"""Client of a scripted model: calls it as the service does, in one line, for this package's own tests."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.scripted_model.model import Model
from tests.waiting import PATIENCE_S

TOPIC = "Tea & coffee"
FENCE = f"<topic>\n{TOPIC}\n</topic>\n"
OUTLINE = FENCE + "Write the outline of a report with exactly 3 sections."
SECTION = FENCE + "Write section 2 of 3: How it came about\nKeep it short."


@asynccontextmanager
async def client_of(model: Model, key: str = "any") -> AsyncIterator[AsyncOpenAI]:
    """Open an OpenAI client that never retries."""
    async with AsyncOpenAI(base_url=model.base_url, api_key=key, max_retries=0, timeout=PATIENCE_S) as client:
        yield client


def conversation(*turns: str) -> list[ChatCompletionMessageParam]:
    """Return turns as messages, the first by the user, the next by the assistant, and so on."""
    return [
        {"role": "assistant", "content": turn} if at % 2 else {"role": "user", "content": turn}
        for at, turn in enumerate(turns)
    ]


async def ask(model: Model, *turns: str, **parameters: Any) -> ChatCompletion:  # any parameter the client knows
    """Return the answer to a conversation, on a connection of its own."""
    async with client_of(model) as client:
        answer: ChatCompletion = await client.chat.completions.create(
            model="scripted-model", messages=conversation(*turns), **parameters
        )
        return answer


async def ask_for_text(model: Model, *turns: str, **parameters: Any) -> str:  # any parameter the client knows
    """Return only the text of the answer; no content is an empty text."""
    return (await ask(model, *turns, **parameters)).choices[0].message.content or ""


def raw_request(turn: str) -> bytes:
    """Return the bytes of a request with one turn."""
    body = json.dumps({"model": "scripted-model", "messages": conversation(turn)}).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def connect(model: Model) -> socket.socket:
    """Open a plain connection."""
    address = urlsplit(model.base_url)
    return socket.create_connection((address.hostname, address.port), timeout=PATIENCE_S)


def read_all(sock: socket.socket) -> bytes:
    """Read to the end of the connection."""
    return b"".join(iter(lambda: sock.recv(65_536), b""))
