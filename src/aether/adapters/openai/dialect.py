"""Dialect of a model: how its server wants to be asked, and what its answers are like."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

FormWay = Literal["schema", "object", "prompt"]
StreamWay = Literal["usage", "plain", "none"]

_NEXT_FORM: Mapping[FormWay, FormWay] = {"schema": "object", "object": "prompt"}
_NEXT_STREAM: Mapping[StreamWay, StreamWay] = {"usage": "plain", "plain": "none"}


class Dialect(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a model is asked; the defaults are the richest way, as with OpenAI.

    Attributes:
        form: how an answer in JSON is asked for: by a JSON Schema, as any JSON object, or in the prompt alone.
        stream: how a text is streamed: with its usage, without it, or not at all.
        streams_only: whether the server gives no whole answers.
        is_slow: whether whole answers come too late, so that all answers are streamed.
        system: whether there is a system role; without one, its message is put before the user's.
        options: options of the operator that the server does not accept, each with the name that it has there; None
            leaves it out.
        silent_thinking: whether the model thinks aloud without a mark at the beginning.
    """

    form: FormWay = "schema"
    stream: StreamWay = "usage"
    streams_only: bool = False
    is_slow: bool = False
    system: bool = True
    options: dict[str, str | None] = {}
    silent_thinking: bool = False

    @property
    def streams_all(self) -> bool:
        """Whether answers that nobody watches are streamed too."""
        return self.streams_only or (self.is_slow and self.stream != "none")

    def with_next_form(self) -> "Dialect | None":
        """Return the next way to ask for JSON; None after the last one."""
        return replace(self, form=_NEXT_FORM[self.form]) if self.form in _NEXT_FORM else None

    def with_next_stream(self) -> "Dialect | None":
        """Return the next way to stream; None after the last one."""
        if self.stream not in _NEXT_STREAM or (self.streams_only and self.stream == "plain"):
            return None
        return replace(self, stream=_NEXT_STREAM[self.stream])

    def with_option(self, name: str, new: str | None) -> "Dialect":
        """Return the dialect with an option, as it was last sent, under another name or left out."""
        original = next((old for old, sent in self.options.items() if sent == name), name)
        return replace(self, options={**self.options, original: new})

    def translate(self, options: Mapping[str, Any]) -> dict[str, Any]:  # Any: servers accept fields of all kinds
        """Return the operator's options under the names that the server accepts."""
        if not self.options:
            return dict(options)
        names = {name: self.options.get(name, name) for name in options}
        return {new: options[name] for name, new in names.items() if new is not None}

    def merge(self, start: "Dialect", learned: "Dialect") -> "Dialect":
        """Return this dialect with what a call has learned that started with another one."""
        fields = {field: getattr(learned, field) for field in self.__struct_fields__}
        changes = {field: value for field, value in fields.items() if value != getattr(start, field)}
        if "options" in changes:
            changes["options"] = {**self.options, **learned.options}
        return replace(self, **changes)
