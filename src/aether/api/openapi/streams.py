"""OpenAPI streams: the schemas of event streams, with each event as an object."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from aether.api.jobs.event_presenter import COMMON_EVENTS, SNAPSHOT, EventVocabulary
from aether.api.openapi.schemas import Json, one_of, reference
from aether.domain.job import ENDED

_ID = {"type": "string", "description": "Where to resume. An event without an id does not move the cursor."}
_EVENT = "An event with its fields `event`, `id` and `data`, which is JSON."


class EventSchemas(NamedTuple):
    """The events of a stream: the name of their union, and the names of the schemas of their data by event."""

    schema: str
    data: Mapping[str, str]

    def schemas(self) -> Json:
        """Return the schema of each event, and of their union."""
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
        """Return the schema of the stream.

        It has no type, because some tools apply it to the whole text, and others to each event.
        """
        return {
            "contentSchema": reference(self.schema),
            "description": f"Server-sent events; each is a `{self.schema}`. Long `data` has several lines.",
        }


def events_of_kind(name: str, vocabulary: EventVocabulary) -> EventSchemas:
    """Return the events of a kind; the names of their schemas start with `name`."""
    job_events = {SNAPSHOT, *(vocabulary.statuses[status].lower() for status in ENDED)}
    other_events = {event: struct.__name__ for event, struct in {**COMMON_EVENTS, **vocabulary.data_types}.items()}
    return EventSchemas(f"{name}Event", dict.fromkeys(sorted(job_events), f"{name}Job") | other_events)


def _event(name: str, title: str, data: str) -> Json:
    return {
        "title": title,
        "description": f"The event `{name}` of a stream.",
        "type": "object",
        "properties": {"event": {"type": "string", "const": name}, "id": _ID, "data": reference(data)},
        "required": ["event", "data"],
    }
