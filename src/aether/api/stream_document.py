"""What the streams of jobs tell, for the OpenAPI document, in which each event is shown as an object."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from aether.api.checklist_events import CHECKLIST_TELLING
from aether.api.generation_events import GENERATION_TELLING
from aether.api.report_events import REPORT_TELLING
from aether.api.telling import COMMON, SNAPSHOT, Telling
from aether.domain.job import ENDED

Json: TypeAlias = dict[str, Any]  # Any: JSON

_REF = "#/components/schemas/"
_ID = {"type": "string", "description": "The job's version; behind which to resume. A delta has none."}


class JobEvents(NamedTuple):
    """The events of a kind: the name of their schema, and that of a job as GET shows it."""

    schema: str
    job: str
    telling: Telling

    def described(self) -> Json:
        """Return a schema of an event."""
        jobs = {SNAPSHOT, *(self.telling.statuses[status].lower() for status in ENDED)}
        data = dict.fromkeys(sorted(jobs), self.job)
        data |= {name: struct.__name__ for name, struct in {**COMMON, **self.telling.data}.items()}
        return {
            "title": self.schema,
            "description": "An event as its fields: `event`, `id`, and `data`, which is JSON.",
            "oneOf": [_event(name, schema) for name, schema in data.items()],
        }


STREAMS: Mapping[str, JobEvents] = {
    "streamReport": JobEvents("ReportEvent", "ReportJob", REPORT_TELLING),
    "streamChecklist": JobEvents("ChecklistEvent", "ChecklistJob", CHECKLIST_TELLING),
    "streamGeneration": JobEvents("GenerationEvent", "GenerationJob", GENERATION_TELLING),
}
"""The streams by their operations' ids."""


def _structs() -> Iterator[type[msgspec.Struct]]:
    yield from COMMON.values()
    for stream in STREAMS.values():
        yield from stream.telling.data.values()


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


def _event(name: str, schema: str) -> Json:
    properties = {"event": {"type": "string", "enum": [name]}, "id": _ID, "data": {"$ref": _REF + schema}}
    return {"type": "object", "properties": properties, "required": ["event", "data"]}
