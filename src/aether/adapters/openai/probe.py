"""Probe: small calls to a model server, which find out what it can do and how it wants to be asked."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from aether.adapters.openai.adaptation import LIMIT_NAMES, adapt
from aether.adapters.openai.catalog import CatalogEntry, ModelCatalog
from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.errors import FailedCall
from aether.adapters.openai.http_api import ServerApi
from aether.adapters.openai.probe_checks import ANSWER, FEATURES, PROMPT, Check, ProbeFinding, ProbeResult, best_form
from aether.adapters.openai.server import Call, ChatServer, Outcome, asked_of
from aether.errors import AetherError, ModelOverloadedError, UnusableOutputError

# Enough for a model that thinks before it answers.
_LIMIT = {"max_tokens": 512}
_MAX_ADAPTATIONS = 8
_MAX_PAUSE_S = 10.0
# What the server names in any call is learned from it; other parts of the dialect are what a check is about.
_LEARNED = frozenset({"options", "stream", "streams_only"})


class _Asked(NamedTuple):
    finding: ProbeFinding
    dialect: Dialect


class ModelProbe:
    """Probes one model of a server; `options` are the operator's, which are part of each call."""

    def __init__(self, api: ServerApi, model: str, options: Mapping[str, Any]) -> None:  # Any: as servers accept them
        self._server = ChatServer(api)
        self._catalog = ModelCatalog(api)
        self._url = api.address.label("chat/completions")
        self._model = model
        self._options = options if LIMIT_NAMES & options.keys() else {**options, **_LIMIT}

    async def run(self) -> ProbeResult:
        """Make one call and, if that is answered, the others at the same time."""
        (listed, models), (answer, dialect) = await asyncio.gather(self._list_models(), self._check(ANSWER, Dialect()))
        result = ProbeResult(self._url, self._model, (listed, answer), dialect, models)
        if answer.result == "fails":
            return result
        features = asyncio.gather(*(self._check(check, dialect) for check in FEATURES))
        (context, tokens), asked = await asyncio.gather(self._find_context(), features)
        if best_form(each.finding for each in asked) is None:
            asked.append(await self._check(PROMPT, dialect))
        findings = [each.finding for each in asked]
        learned = _merge(dialect, [each.dialect for each in asked])
        learned = replace(learned, form=best_form(findings) or "prompt")
        return replace(result, findings=(listed, answer, *findings, context), dialect=learned, context=tokens)

    async def _list_models(self) -> tuple[ProbeFinding, tuple[CatalogEntry, ...]]:
        try:
            models = await self._catalog.models()
        except (FailedCall, AetherError) as error:
            return ProbeFinding("models", "unknown", f"not listed: {error}"), ()
        names = [model.id for model in models]
        if not names:
            return ProbeFinding("models", "unknown", "the server lists none"), ()
        is_listed = {self._model, f"models/{self._model}"} & set(names)
        count = "1 model" if len(names) == 1 else f"{len(names)} models"
        return ProbeFinding(
            "models", "works" if is_listed else "fails", f"{count}, {'this one' if is_listed else 'not this one'}"
        ), models

    async def _find_context(self) -> tuple[ProbeFinding, int | None]:
        try:
            tokens = await self._catalog.context(self._model)
        except AetherError:
            tokens = None
        if tokens is None:
            return ProbeFinding("context", "unknown", "the server does not tell it"), None
        return ProbeFinding("context", "works", f"{tokens} tokens"), tokens

    async def _check(self, check: Check, dialect: Dialect) -> _Asked:
        """Make a check, once more after a pause if the server was overloaded, and say what a failure means."""
        for is_last in (False, True):
            try:
                return await self._ask(check, check.prepare(dialect))
            except FailedCall as failed:
                error = failed.error
                if not isinstance(error, ModelOverloadedError):
                    return _Asked(ProbeFinding(check.name, "fails", str(error)), check.give_up(dialect))
            except AetherError as unclear:
                return _Asked(ProbeFinding(check.name, check.if_unclear, str(unclear)), dialect)
            if not is_last:
                await asyncio.sleep(min(error.retry_after or 1.0, _MAX_PAUSE_S))
        return _Asked(ProbeFinding(check.name, check.if_unclear, str(error)), dialect)

    async def _ask(self, check: Check, dialect: Dialect) -> _Asked:
        call, began = Call(self._model, check.messages, check.form, self._options), time.monotonic()
        outcome, dialect = await self._ask_until_accepted(call, check, dialect)
        result, detail = check.judge(outcome.reply)
        finding = ProbeFinding(check.name, result, detail, time.monotonic() - began)
        learned = dialect if result != "fails" else check.give_up(dialect)
        if outcome.has_silent_thinking:
            learned = replace(learned, silent_thinking=True)
        return _Asked(finding, learned)

    async def _ask_until_accepted(self, call: Call, check: Check, dialect: Dialect) -> tuple[Outcome, Dialect]:
        for _ in range(_MAX_ADAPTATIONS):
            streams = check.streams or dialect.streams_only
            try:
                return await self._server.ask(call, dialect, streams=streams), dialect
            except FailedCall as failed:
                adapted = adapt(dialect, failed, asked_of(call, dialect, streams=streams))
                if (
                    adapted is None
                    or adapted.dialect.stream == "none"
                    or not _changes(dialect, adapted.dialect) <= _LEARNED
                ):
                    raise
                dialect = adapted.dialect
        raise UnusableOutputError("no way to ask is left")


def _changes(old: Dialect, new: Dialect) -> frozenset[str]:
    return frozenset(name for name in old.__struct_fields__ if getattr(old, name) != getattr(new, name))


def _merge(start: Dialect, learned: Sequence[Dialect]) -> Dialect:
    merged = start
    for each in learned:
        merged = merged.merge(start, each)
    return merged
