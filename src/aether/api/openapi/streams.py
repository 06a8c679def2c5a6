"""What the streams tell, for the OpenAPI document, in which each event is shown as an object."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from aether.api.http import sse
from aether.api.jobs.event_presenter import COMMON, SNAPSHOT, EventVocabulary, GapNews, StatusNews
from aether.api.kinds.checklist.events import CHECKLIST_EVENTS, SummaryNews
from aether.api.kinds.image.events import IMAGE_EVENTS, ImageNews
from aether.api.kinds.report.events import REPORT_EVENTS, DeltaNews, OutlineNews, SectionNews
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


def _job_events(schema: str, job: str, vocabulary: EventVocabulary) -> Events:
    """Return the events of a kind; some tell a job as GET shows it."""
    jobs = {SNAPSHOT, *(vocabulary.statuses[status].lower() for status in ENDED)}
    own = {name: struct.__name__ for name, struct in {**COMMON, **vocabulary.data}.items()}
    return Events(schema, dict.fromkeys(sorted(jobs), job) | own)


_VOCABULARIES = {"Report": REPORT_EVENTS, "Checklist": CHECKLIST_EVENTS, "Generation": IMAGE_EVENTS}
STREAMS: Mapping[str, Events] = {
    f"stream{kind}": _job_events(f"{kind}Event", f"{kind}Job", vocabulary) for kind, vocabulary in _VOCABULARIES.items()
} | {"streamNotifications": Events("NotificationEvent", {"notification": "NotificationItem"})}
"""The streams by their operations' ids."""


def _structs() -> Iterator[type[msgspec.Struct]]:
    yield from COMMON.values()
    for vocabulary in _VOCABULARIES.values():
        yield from vocabulary.data.values()


STREAM_STRUCTS = tuple(dict.fromkeys(_structs()))


def _event(name: str, title: str, data: str) -> Json:
    return {
        "title": title,
        "description": f"The event `{name}` of a stream.",
        "type": "object",
        "properties": {"event": {"type": "string", "const": name}, "id": _ID, "data": reference(data)},
        "required": ["event", "data"],
    }


_HEADING = "I. From Village to Republic"
_SECTION = "Rome began as a village on the Tiber …"
_IMAGE = "http://127.0.0.1:8000/api/generation/0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11/images/0"
STREAM_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "ReportEvent": {
        "status": sse.event("status", StatusNews("processing"), 2).decode(),
        "outline": sse.event("outline", OutlineNews((_HEADING,)), 4).decode(),
        "delta": sse.event("section.delta", DeltaNews(0, 1, 10, "as a village")).decode(),
        "section": sse.event("section", SectionNews(0, _HEADING, _SECTION), 7).decode(),
        "gap": sse.event("gap", GapNews(12, 7)).decode(),
    },
    "ChecklistEvent": {"summary": sse.event("summary", SummaryNews("Clean hands before food."), 4).decode()},
    "GenerationEvent": {"image": sse.event("image", ImageNews(0, _IMAGE), 4).decode()},
}
