"""Chat with a language model on any OpenAI-compatible server, which is asked in its own dialect."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from aether.adapters.openai.adaptation import Asked, adapt, doubt
from aether.adapters.openai.cut_prompt import describe_cut
from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.dialect_memory import DialectMemory
from aether.adapters.openai.errors import FailedCall
from aether.adapters.openai.replies import lacks_fields
from aether.adapters.openai.server import Call, ChatServer, Outcome, asked_of
from aether.errors import (
    AetherError,
    ModelFailedError,
    ModelOverloadedError,
    ModelUnreachableError,
    UnusableOutputError,
)
from aether.workflows.llm.ports import STANDARD_SAMPLING, Form, Message, OnText, Reply, Sampling

log = structlog.get_logger()

_MAX_WAYS = 12
_LATE = frozenset({408, 504, 522, 524, 598, 599})
# Proxies send these when the server behind them does not answer, whatever the request was.
_OF_PROXIES = frozenset({502, 503, *range(520, 531)}) | _LATE
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_SUSPICIOUS = 3
"""How often an error that usually passes comes in a row until a feature is in doubt."""
_LONG_SILENCE = 1 / 6
"""The share of the read timeout after which a connection was probably lost because it was too silent for a proxy."""


class Options(msgspec.Struct, frozen=True):
    """Additional fields of the request body: for every call, and by form name for calls that ask for this form.

    `knows_llama_cpp` tells that the server also knows the options of llama.cpp.
    """

    every_call: dict[str, Any] = {}  # Any: servers accept fields of all kinds here
    by_form: dict[str, dict[str, Any]] = {}
    knows_llama_cpp: bool = False

    def of_call(self, form: Form | None, sampling: Sampling | None) -> Mapping[str, Any]:
        """Return the options of a call: of its sampling, as far as the server knows them, and those of the operator."""
        options = self._sampled(sampling) if sampling is not None else {}
        by_form = {} if form is None else self.by_form.get(form.name, {})
        return {**options, **self.every_call, **by_form} if options or by_form else self.every_call

    def _sampled(self, sampling: Sampling) -> dict[str, Any]:
        options: dict[str, Any] = msgspec.to_builtins(sampling)
        return {name: value for name, value in options.items() if self.knows_llama_cpp or name in STANDARD_SAMPLING}


class OpenAIChat:
    """The `ChatModel` on an OpenAI-compatible server.

    Servers differ in what they accept: schemas, streams, a system role, options. A request that is rejected is adapted
    and sent again, and what worked is remembered for each model in `memory`. An answer that came too late, or a server
    error, changes how the next attempt asks.
    """

    def __init__(
        self,
        server: ChatServer,
        model: str,
        options: Options,
        *,
        memory: DialectMemory | None = None,
        read_timeout: float = 120.0,
    ) -> None:
        self._server = server
        self._model = model
        self._options = options
        self._memory = memory or DialectMemory()
        self._read_timeout = read_timeout

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        form: Form | None = None,
        sampling: Sampling | None = None,
        on_text: OnText | None = None,
    ) -> Reply:
        """Make the call. With `on_text` it is streamed, which costs several times as much CPU."""
        options = self._options.of_call(form, sampling)
        setting = "AETHER_MODEL" if model in (None, self._model) else None
        call = Call(model or self._model, messages, form, options, setting)
        prompt = _hash(call)
        start = self._memory.get(call.model, prompt)
        dialect, outcome = await self._ask(call, start, prompt, on_text)
        self._learn(call, prompt, start, dialect, outcome)
        warning = describe_cut(messages, outcome.reply.usage)
        if warning is None:
            return outcome.reply
        log.warning("model.prompt_cut", model=call.model, read_tokens=outcome.reply.usage.input_tokens)
        return replace(outcome.reply, warning=warning)

    async def _ask(self, call: Call, start: Dialect, prompt: int, on_text: OnText | None) -> tuple[Dialect, Outcome]:
        """Ask until the server accepts the request; return the dialect that it accepted."""
        dialect, rejection = start, None
        for _ in range(_MAX_WAYS):
            streams = dialect.streams_all or (on_text is not None and dialect.stream != "none")
            began = time.monotonic()
            try:
                outcome = await self._server.ask(call, dialect, streams=streams, on_text=on_text)
            except FailedCall as failed:
                asked = asked_of(call, dialect, streams=streams)
                adapted = adapt(dialect, failed, asked)
                if adapted is None:
                    self._doubt(prompt, dialect, asked, failed.error, time.monotonic() - began)
                    raise (rejection or failed.error) from failed
                dialect = adapted.dialect
                # What the server has named is settled; otherwise the first reason is likely to be the true one.
                rejection = None if adapted.is_named else rejection or failed.error
            except (ModelUnreachableError, UnusableOutputError) as error:
                asked = asked_of(call, dialect, streams=streams)
                self._doubt(prompt, dialect, asked, error, time.monotonic() - began)
                raise
            else:
                self._measure(call.model, dialect, streams=streams, seconds=time.monotonic() - began, on_text=on_text)
                return dialect, outcome
        raise rejection or UnusableOutputError("no way to ask is left")

    def _doubt(self, prompt: int, dialect: Dialect, asked: Asked, error: AetherError, seconds: float) -> None:
        """Decide how the next attempt asks, after an error that took some seconds to come."""
        failures = self._memory.fail(asked.model, prompt)
        if asked.has_form and failures % _SUSPICIOUS == 0 and _is_passing(error):
            # The same error again and again may be due to the form, as of a server that it brings down.
            self._memory.doubt(asked.model, prompt, replace(dialect, form="prompt"))
        elif self._is_late(error, seconds):
            self._doubt_late(prompt, dialect, asked)
        elif _is_unclear(error):
            self._memory.doubt(asked.model, prompt, doubt(dialect, asked))
        elif _is_passing(error):
            self._memory.doubt(asked.model, prompt, None)

    def _doubt_late(self, prompt: int, dialect: Dialect, asked: Asked) -> None:
        """Ask for a whole answer after a stream that stopped, and for a stream after a whole answer that came late."""
        if asked.streams:
            if not dialect.streams_only:
                self._memory.doubt(asked.model, prompt, replace(dialect, stream="none"))
            return
        self._memory.slow(asked.model)
        if dialect.stream != self._memory.get(asked.model).stream:
            self._memory.doubt(asked.model, prompt, None)

    def _is_late(self, error: AetherError, seconds: float) -> bool:
        """Whether no answer came in time, or somebody on the way gave up waiting for it."""
        was_silent = seconds > _LONG_SILENCE * self._read_timeout
        match error:
            case ModelUnreachableError():
                return error.timed_out or (was_silent and not error.ended_early)
            case ModelFailedError():
                return error.status in _LATE or (was_silent and error.status in _OF_PROXIES)
        return False

    def _learn(self, call: Call, prompt: int, start: Dialect, dialect: Dialect, outcome: Outcome) -> None:
        if outcome.has_silent_thinking and not dialect.silent_thinking:
            self._memory.set(call.model, replace(self._memory.get(call.model), silent_thinking=True))
        if not outcome.is_empty and not (call.form is not None and lacks_fields(outcome.reply.text, call.form)):
            tried = {"form": call.form is not None, "stream": outcome.is_streamed}
            features = frozenset(feature for feature, is_tried in tried.items() if is_tried)
            self._memory.learn(call.model, prompt, start, dialect, features)
        elif call.wants_json and not outcome.reply.cut_off:
            # An answer that is empty, or has not the form, teaches nothing, except to ask in another way next time.
            self._memory.doubt(call.model, prompt, dialect.with_next_form())

    def _measure(self, model: str, dialect: Dialect, *, streams: bool, seconds: float, on_text: OnText | None) -> None:
        if streams and dialect.is_slow and on_text is None and seconds < self._read_timeout / 2:
            self._memory.fast(model)


def _is_unclear(error: AetherError) -> bool:
    """Whether an error may be due to a feature that the server does not support."""
    match error:
        case ModelFailedError(status=int() as status):
            return status >= _SERVER_ERROR and status not in _OF_PROXIES
        case ModelUnreachableError():
            return error.ended_early
    return isinstance(error, UnusableOutputError)


def _is_passing(error: AetherError) -> bool:
    """Whether an error usually passes, whatever the request was."""
    match error:
        case ModelOverloadedError(status=int() as status):
            return status == _UNAVAILABLE
    return isinstance(error, ModelFailedError | ModelUnreachableError)


def _hash(call: Call) -> int:
    return hash((call.form and call.form.name, *((message.role, message.content) for message in call.messages)))
