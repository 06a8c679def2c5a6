"""Chat factory: the chat model as a worker builds it, on a scripted server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from aether.adapters.openai.chat import OpenAIChat
from aether.bootstrap.models import chat_api, language_model
from aether.settings import Settings
from aether.workflows.llm.ports import Form, Message

KEY = "sk-a-key-that-nobody-may-see"
MESSAGES = [Message("system", "You write."), Message("user", "Write section 1 of 2: Origins")]
OUTLINE_MESSAGES = [Message("user", "Write the outline of a report, with exactly 3 sections.")]
FORM = Form("outline", {"type": "object", "properties": {"sections": {"type": "array"}}}, "{}")


class Addressed(Protocol):
    """A server with the address for an OpenAI client."""

    @property
    def base_url(self) -> str: ...


@asynccontextmanager
async def open_chat(model: Addressed, **environment: str) -> AsyncIterator[OpenAIChat]:
    """Open a chat with short timeouts; `environment` is the environment of the worker."""
    settings = Settings.from_env(
        {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": model.base_url,
            "AETHER_MODEL": "scripted-model",
            "AETHER_MODEL_CONNECT_TIMEOUT": "10",
            "AETHER_MODEL_READ_TIMEOUT": "2",
            "AETHER_MODEL_TOTAL_TIMEOUT": "60",
            **environment,
        }
    )
    async with chat_api(settings) as api:
        yield language_model(settings, api)
