"""A tiny HTTP server that speaks as much of the API as `aether report`, `checklist`, `image` and `watch` hear."""

import json
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

JOB_ID = "0b8e8a3e-2f58-4a5c-9d0b-6f4f6f1f8f11"
OUTLINE = ["I. Rise", "II. Rule", "III. Fall"]
TEXTS = {"I. Rise": "It *rose*.", "II. Rule": "It ruled for long.", "III. Fall": "It fell."}

Json = dict[str, Any]


class Answer(NamedTuple):
    status: int
    body: Json
    headers: Mapping[str, str] = MappingProxyType({})
    content: bytes | None = None
    """What is sent instead of the body, if it is no JSON."""
    script: "Script | None" = None
    """What is told instead of a body."""


class Asked(NamedTuple):
    method: str
    path: str
    body: Json | None
    if_none_match: str | None
    last_event_id: str | None
    idempotency_key: str | None
    authorization: str | None


class Resource(NamedTuple):
    """Where the jobs of a kind are, and what is said of a new one and of one that is cancelled."""

    path: str
    accepted: Answer
    cancelled: Json

    @property
    def job(self) -> str:
        return f"{self.path}/{JOB_ID}"


REPORTS = Resource("/reports", Answer(202, {"jobId": JOB_ID}), {"status": "cancelled", "version": 99})
CHECKLISTS = Resource("/jobs", Answer(201, {"event_id": JOB_ID}), {"status": "failed", "error": "cancelled"})
GENERATIONS = Resource(
    "/api/generation",
    Answer(202, {"generationId": JOB_ID, "status": "PENDING"}),
    {"status": "FAILED", "error": "cancelled"},
)


def state(version: int, done: int = 0, status: str = "processing", **more: Any) -> Answer:
    """The job with its first `done` sections written."""
    written = {"topic": "Rome", "outline": OUTLINE, "sections": {name: TEXTS[name] for name in OUTLINE[:done]}}
    whole = status == "completed"
    body = {
        "jobId": JOB_ID,
        "status": status,
        "version": version,
        "progress": 1.0 if whole else (done + 1) / (len(OUTLINE) + 1),
        "report" if whole else "partial": written,
        "expiresAt": "2030-01-02T03:04:05Z",
        "steps": [{"name": f"section:{at}", "title": name, "status": "done"} for at, name in enumerate(OUTLINE)],
        "attempts": [],
    }
    return Answer(200, body | more)


WAITING = Answer(
    200,
    state(1).body | {"status": "pending", "progress": 0, "partial": {"topic": "Rome", "outline": [], "sections": {}}},
)
COMPLETED = state(9, 3, "completed")


SUMMARY = "Wash, then cook."
ITEMS = [
    {"text": "Hands are washed.", "quote": "Wash your\nhands."},
    {"text": "Raw food is apart.", "quote": "* keep raw food apart"},
]
BULLETS = "- Hands are washed.\n- Raw food is apart."


def checklist(status: str = "running", **more: Any) -> Answer:
    """A checklist before its summary is written."""
    body = {
        "id": JOB_ID,
        "input_text": "Wash your\nhands.",
        "status": status,
        "summary": None,
        "checklist": None,
        "created_at": "2030-01-01T00:00:00Z",
        "updated_at": "2030-01-01T00:00:00Z",
    }
    return Answer(200, body | more)


SUMMARISED = checklist(summary=SUMMARY)
CHECKED = checklist("succeeded", summary=SUMMARY, checklist=BULLETS, items=ITEMS)


def generation(status: str = "PENDING", attempts: Sequence[Json] = (), **more: Any) -> Answer:
    """A generation with as many failed attempts."""
    body = {
        "generationId": JOB_ID,
        "status": status,
        "prompt": "A lighthouse",
        "attempts": attempts,
        "failedAttempts": len(attempts),
        "createdAt": "2030-01-01T00:00:00Z",
        "updatedAt": "2030-01-01T00:00:00Z",
    }
    return Answer(200, body | more)


def image_url(position: int) -> str:
    return f"{GENERATIONS.job}/images/{position}"


PAINTED = generation("COMPLETE", images=[image_url(0)])


def picture(media_type: str, content: bytes) -> Answer:
    return Answer(200, {}, {"Content-Type": media_type}, content)


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Answer:
    body = {"type": "urn:aether:problem:x", "title": "X", "status": status, "detail": detail}
    return Answer(status, body | more, headers or {})


Tell: TypeAlias = Callable[[bytes], object]
Script: TypeAlias = Callable[[Tell], object]
"""Tells the events of one connection, by what it is given, and ends it by returning."""

OPENING = b"retry: 20\n\n"


def event(name: str, data: Json, version: int | None = None) -> bytes:
    cursor = "" if version is None else f"id: {version}\n"
    return f"event: {name}\n{cursor}data: {json.dumps(data)}\n\n".encode()


def delta(position: int, text: str, attempt: int = 1) -> bytes:
    return event("section.delta", {"position": position, "attempt": attempt, "offset": 0, "text": text})


class FakeApi:
    """Answers each GET of the job with the next of `states`, and from then on with the last.

    A state of the version that the client has already is answered 304. `pictures` stand at their paths. Who follows the
    job gets the next of `streams`; when there is none left, or never was, nothing is served there. As many requests for
    a job as `lost` says get no answer.
    """

    def __init__(
        self, states: Sequence[Answer] = (COMPLETED,), *, of: Resource = REPORTS, accept: Answer | None = None
    ) -> None:
        self.asked: list[Asked] = []
        self.accept = accept or of.accepted
        self.lost = 0
        self.cancel: Answer | None = None
        self.pictures: dict[str, Answer] = {}
        self.resource = of
        self.streams: list[Script] = []
        self.states = list(states)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def sent(self, method: str, path: str) -> list[Asked]:
        return [asked for asked in self.asked if (asked.method, asked.path) == (method, path)]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        match asked.method, asked.path:
            case "POST", self.resource.path:
                return self.accept
            case "POST", path if path.endswith("/cancel"):
                return self.cancel or self._cancelled()
            case "GET", self.resource.job:
                return self._next(asked)
            case "GET", path if path == f"{self.resource.job}/events" and self.streams:
                return Answer(200, {}, {"Content-Type": "text/event-stream"}, script=self.streams.pop(0))
            case "GET", path if path in self.pictures:
                return self.pictures[path]
        live = asked.path == "/health/live"
        return Answer(200, {}) if live else problem(404, "Nothing is served at this path.")

    def _next(self, asked: Asked) -> Answer:
        now = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if now.status != 200:
            return now
        tag = f'"{now.body.get("version") or zlib.crc32(json.dumps(now.body).encode())}"'
        return Answer(304, {}, content=b"") if asked.if_none_match == tag else now._replace(headers={"ETag": tag})

    def _cancelled(self) -> Answer:
        now = self.states[0]
        self.states = [Answer(200, now.body | self.resource.cancelled)]
        return self.states[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                names = ("If-None-Match", "Last-Event-ID", "Idempotency-Key", "Authorization")
                given = json.loads(body) if body else None
                answer = api.answer(Asked(self.command, self.path, given, *map(self.headers.get, names)))
                if self.command == "POST" and api.lost:
                    api.lost -= 1
                    self.close_connection = True
                    return
                if answer.script is not None:
                    self._tell(answer, answer.script)
                    return
                content = json.dumps(answer.body).encode() if answer.content is None else answer.content
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def _tell(self, answer: Answer, script: Script) -> None:
                self.send_response(answer.status)
                for name, value in {"Connection": "close", **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(ConnectionError):  # the client may have heard enough
                    script(self.wfile.write)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Stay silent."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
