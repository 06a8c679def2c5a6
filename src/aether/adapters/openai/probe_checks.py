"""Probe checks: what a model server is asked, as a table, and what the answers mean."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from aether.adapters.openai.catalog import CatalogEntry
from aether.adapters.openai.dialect import Dialect, FormWay
from aether.workflows.llm.json_schema import object_schema
from aether.workflows.llm.ports import Form, Message, Reply

CheckName = Literal["models", "answer", "system", "stream", "schema", "object", "prompt", "context"]
Result = Literal["works", "fails", "unknown"]

_FORM_WAYS: tuple[FormWay, ...] = ("schema", "object", "prompt")


class ProbeFinding(msgspec.Struct, frozen=True):
    """What one check has found; `unknown` is what the server does not tell, or told by no clear answer."""

    name: CheckName
    result: Result
    detail: str = ""
    seconds: float | None = None


class ProbeResult(msgspec.Struct, frozen=True):
    """What was found out about a model.

    Attributes:
        url: the address that was called.
        model: the model.
        findings: one for each check, in order.
        dialect: how the model is best asked.
        models: the models of the server, if it lists them.
        context: the tokens that the model reads and writes in one call, if the server tells it.
    """

    url: str
    model: str
    findings: tuple[ProbeFinding, ...]
    dialect: Dialect = Dialect()
    models: tuple[CatalogEntry, ...] = ()
    context: int | None = None

    def finding(self, name: CheckName) -> ProbeFinding | None:
        """Return what a check has found; None if it was not made."""
        return next((finding for finding in self.findings if finding.name == name), None)

    @property
    def is_usable(self) -> bool:
        """Whether reports can be written: the model answers, and in JSON if it is asked in one of the ways."""
        answer = self.finding("answer")
        return answer is not None and answer.result != "fails" and best_form(self.findings) is not None


class Check(msgspec.Struct, frozen=True):
    """One call, and what it is about.

    Attributes:
        name: its name.
        messages: what is asked.
        form: the form of the answer, if it must be JSON.
        streams: whether the answer is streamed.
        if_unclear: what it means if the server is overloaded or does not answer.
        prepare: returns the dialect to ask in.
        give_up: returns the dialect of a model that lacks the feature.
        judge: returns what a reply means, and details.
    """

    name: CheckName
    messages: Sequence[Message]
    judge: Callable[[Reply], tuple[Result, str]]
    form: Form | None = None
    streams: bool = False
    if_unclear: Result = "unknown"
    prepare: Callable[[Dialect], Dialect] = lambda dialect: dialect
    give_up: Callable[[Dialect], Dialect] = lambda dialect: dialect


def best_form(findings: Iterable[ProbeFinding]) -> FormWay | None:
    """Return the richest way to ask for JSON that is not known to fail; None if each of them fails."""
    results = {finding.name: finding.result for finding in findings}
    return next((way for way in _FORM_WAYS if results.get(way, "fails") != "fails"), None)


class _Capital(msgspec.Struct, frozen=True):
    city: str


def _judge_text(reply: Reply) -> tuple[Result, str]:
    if reply.text.strip() or reply.refusal:
        return "works", ""
    # A limit that thinking has used up says nothing: jobs have another limit, or none.
    return ("unknown" if reply.cut_off else "fails"), reply.defect or "the answer was empty"


def _judge_stream(reply: Reply) -> tuple[Result, str]:
    result, detail = _judge_text(reply)
    return result, detail or ("with token counts" if reply.usage.output_tokens else "without token counts")


def _judge_json(reply: Reply) -> tuple[Result, str]:
    if not reply.text.strip():
        return _judge_text(reply)
    try:
        msgspec.json.decode(reply.text.strip().removeprefix("```json").removesuffix("```"), type=_Capital)
    except msgspec.DecodeError:
        return "fails", "accepted, but the answer has another form"
    return "works", ""


_GREETING = (Message("user", "Say hello in one word."),)
_QUESTION = (Message("user", 'Which city is the capital of France? Answer with JSON only: {"city": "…"}'),)
_FORM = Form("capital", object_schema(city={"type": "string", "maxLength": 40}), '{"city": "…"}')

ANSWER = Check("answer", _GREETING, _judge_text, if_unclear="fails")
PROMPT = Check("prompt", _QUESTION, _judge_json, _FORM, prepare=lambda dialect: replace(dialect, form="prompt"))
FEATURES = (
    Check(
        "system",
        (Message("system", "You answer in one word."), Message("user", "Say hello.")),
        _judge_text,
        give_up=lambda dialect: replace(dialect, system=False),
    ),
    Check(
        "stream",
        _GREETING,
        _judge_stream,
        streams=True,
        give_up=lambda dialect: replace(dialect, stream="none"),
    ),
    Check("schema", _QUESTION, _judge_json, _FORM, prepare=lambda dialect: replace(dialect, form="schema")),
    Check("object", _QUESTION, _judge_json, _FORM, prepare=lambda dialect: replace(dialect, form="object")),
)
