"""Event streams in the OpenAPI document, in which each event is shown as an object."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from aether.api.jobs.event_presenter import COMMON, SNAPSHOT, EventVocabulary
from aether.api.openapi.schemas import one_of, reference
from aether.domain.job import ENDED

Json: TypeAlias = dict[str, Any]  # Any: JSON

_ID = {"type": "string", "description": "Behind which to resume. An event that has none leaves the cursor alone."}
_EVENT = "An event as its fields: `event`, `id`, and `data`, which is JSON."


class Events(NamedTuple):
    """The events of a stream: the name that they have together, and the schemas of their data by the events' names."""

    schema: str
    data: Mapping[str, str]

    def schemas(self) -> Json:
        """Return a schema of each event, and one of them all."""
        names = {event: self._name(event) for event in self.data}
        each = {names[event]: _event(event, names[event], data) for event, data in self.data.items()}
        if len(each) == 1:
            return each
        union = {"title": self.schema, "description": _EVENT}
        return each | {self.schema: union | one_of([*each], "event", names)}

    def _name(self, event: str) -> str:
        words = "".join(map(str.capitalize, re.split(r"\W", event)))
        kind = self.schema.removesuffix("Event")
        return self.schema if len(self.data) == 1 else f"{kind}{words}Event"

    def content(self) -> Json:
        """Return the schema of the stream, without a type.

        Some readers of the document take it for that of the whole text, others for that of each event.
        """
        return {
            "contentSchema": reference(self.schema),
            "description": f"Server-sent events; each is a `{self.schema}`, with `data` in one line of JSON.",
        }


def events_of_kind(name: str, vocabulary: EventVocabulary) -> Events:
    """Return the events of a kind, whose schemas begin with this name; some show a job as GET does."""
    jobs = {SNAPSHOT, *(vocabulary.statuses[status].lower() for status in ENDED)}
    own = {event: struct.__name__ for event, struct in {**COMMON, **vocabulary.data}.items()}
    return Events(f"{name}Event", dict.fromkeys(sorted(jobs), f"{name}Job") | own)


def _event(name: str, title: str, data: str) -> Json:
    return {
        "title": title,
        "description": f"The event `{name}` of a stream.",
        "type": "object",
        "properties": {"event": {"type": "string", "const": name}, "id": _ID, "data": reference(data)},
        "required": ["event", "data"],
    }
