"""What the streams tell, for the OpenAPI document, in which each event is shown as an object."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from aether.api import sse
from aether.api.checklist_events import CHECKLIST_TELLING
from aether.api.generation_events import GENERATION_TELLING
from aether.api.report_events import REPORT_TELLING
from aether.api.schema_document import one_of, reference
from aether.api.telling import COMMON, SNAPSHOT, Telling
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
        if names.keys() == {self.schema}:
            return each
        union = {"title": self.schema, "description": _EVENT}
        return each | {self.schema: union | one_of([*each], "event", names)}

    def _name(self, event: str) -> str:
        words = "".join(map(str.capitalize, re.split(r"\W", event)))
        kind = self.schema.removesuffix("Event")
        return self.schema if words == kind else f"{kind}{words}Event"

    def content(self) -> Json:
        """Return the schema of the stream: to a client that knows no events it is a text, which ends with the job."""
        return {
            "type": "string",
            "contentMediaType": sse.MEDIA_TYPE,
            "contentSchema": reference(self.schema),
            "description": f"Server-sent events; each is a `{self.schema}`, with `data` in one line of JSON.",
        }


def _job_events(schema: str, job: str, telling: Telling) -> Events:
    """Return the events of a kind; some tell a job as GET shows it."""
    jobs = {SNAPSHOT, *(telling.statuses[status].lower() for status in ENDED)}
    own = {name: struct.__name__ for name, struct in {**COMMON, **telling.data}.items()}
    return Events(schema, dict.fromkeys(sorted(jobs), job) | own)


_TELLINGS = {"Report": REPORT_TELLING, "Checklist": CHECKLIST_TELLING, "Generation": GENERATION_TELLING}
STREAMS: Mapping[str, Events] = {
    f"stream{kind}": _job_events(f"{kind}Event", f"{kind}Job", telling) for kind, telling in _TELLINGS.items()
} | {"streamNotifications": Events("NotificationEvent", {"notification": "NotificationItem"})}
"""The streams by their operations' ids."""


def _structs() -> Iterator[type[msgspec.Struct]]:
    yield from COMMON.values()
    for telling in _TELLINGS.values():
        yield from telling.data.values()


STREAM_STRUCTS = tuple(dict.fromkeys(_structs()))

_SECTION = "Rome began as a village on the Tiber …"
STREAM_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "ReportEvent": {
        "status": {"event": "status", "id": "2", "data": {"status": "processing"}},
        "outline": {"event": "outline", "id": "4", "data": {"outline": ["I. From Village to Republic"]}},
        "delta": {
            "event": "section.delta",
            "data": {"position": 0, "attempt": 1, "offset": 10, "text": "as a village"},
        },
        "section": {
            "event": "section",
            "id": "7",
            "data": {"position": 0, "heading": "I. From Village to Republic", "text": _SECTION},
        },
        "gap": {"event": "gap", "data": {"after": 12, "version": 7}},
    },
    "ChecklistEvent": {
        "summary": {"event": "summary", "id": "4", "data": {"summary": "Clean hands before food."}},
    },
    "GenerationEvent": {
        "image": {
            "event": "image",
            "id": "4",
            "data": {
                "position": 0,
                "url": "http://127.0.0.1:8000/api/generation/0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11/images/0",
            },
        },
    },
}


def _event(name: str, title: str, data: str) -> Json:
    return {
        "title": title,
        "type": "object",
        "properties": {"event": {"type": "string", "const": name}, "id": _ID, "data": reference(data)},
        "required": ["event", "data"],
    }


def as_text(event: Mapping[str, Any]) -> str:
    """Write an example of an event as the wire shows it."""
    number = event.get("id")
    return sse.event(event["event"], event["data"], None if number is None else int(number)).decode()
