"""Workflow definition: what a kind of job declares about how its jobs are made."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

import msgspec

from aether.durable.ports import FileStore
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.workflows.llm.ports import ChatModel, Illustrator


class Ports(msgspec.Struct, frozen=True):
    """The ports that a worker provides to the workflows.

    `context` is how many tokens the chat model reads and writes in one call. `illustrator` is None if the worker has no
    model for images. Of the model that a request names, or of the worker's own (None), `asks_plainly` tells whether it
    is asked as a small one, and `writes_english_only` whether it knows no other language.
    """

    chat: ChatModel
    context: int
    files: FileStore
    illustrator: Illustrator | None = None
    asks_plainly: Callable[[str | None], bool] = lambda _: False
    writes_english_only: Callable[[str | None], bool] = lambda _: False


class ModelServer(StrEnum):
    """The server that a workflow calls; each has its own concurrency limits and its own number of attempts."""

    CHAT = "chat"
    IMAGES = "images"


class Workflow(msgspec.Struct, frozen=True):
    """How jobs of one kind are made.

    Args:
        request: the type that a job's input is decoded as.
        make: returns, given the ports, the function that executes a run for a request.
        first_steps: names the steps that a request implies before its job starts.
        server: the server that the steps call.
        retry: returns the retry policy of the steps, given that of the server.
        model: names the model that a request asks for; None is the worker's own.
    """

    request: type[Any]
    make: Callable[[Ports], Callable[[Run, Any], Awaitable[object]]]  # Any: each kind has a request type of its own
    first_steps: Callable[[Any], tuple[str, ...]] = lambda _: ()  # Any: as above
    server: ModelServer = ModelServer.CHAT
    retry: Callable[[RetryPolicy], RetryPolicy] = lambda policy: policy
    model: Callable[[Any], str | None] = lambda _: None  # Any: as above
