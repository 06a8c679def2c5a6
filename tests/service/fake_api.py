"""Fake API: an HTTP server with as much of the API as the commands for jobs need, scripted by a test."""

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


class Response(NamedTuple):
    status: int
    body: Json
    headers: Mapping[str, str] = MappingProxyType({})
    content: bytes | None = None
    """Sent instead of the body, if it is not JSON."""
    script: "Script | None" = None
    """Sends events instead of a body."""


class Request(NamedTuple):
    method: str
    path: str
    body: Json | None
    if_none_match: str | None
    last_event_id: str | None
    idempotency_key: str | None
    authorization: str | None


class Resource(NamedTuple):
    """The jobs of one kind: their path, the response for a new job, and the fields that cancelling changes."""

    path: str
    accepted: Response
    cancelled: Json

    @property
    def job(self) -> str:
        return f"{self.path}/{JOB_ID}"


REPORTS = Resource("/reports", Response(202, {"jobId": JOB_ID}), {"status": "cancelled", "version": 99})
CHECKLISTS = Resource("/jobs", Response(201, {"event_id": JOB_ID}), {"status": "failed", "error": "cancelled"})
GENERATIONS = Resource(
    "/api/generation",
    Response(202, {"generationId": JOB_ID, "status": "PENDING"}),
    {"status": "FAILED", "error": "cancelled"},
)


def report_state(version: int, done: int = 0, status: str = "processing", **more: Any) -> Response:
    """A report whose first `done` sections are written."""
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
    return Response(200, body | more)


REPORT_PENDING = Response(
    200,
    report_state(1).body
    | {"status": "pending", "progress": 0, "partial": {"topic": "Rome", "outline": [], "sections": {}}},
)
REPORT_COMPLETED = report_state(9, 3, "completed")


SUMMARY = "Wash, then cook."
ITEMS = [
    {"text": "Hands are washed.", "quote": "Wash your\nhands."},
    {"text": "Raw food is apart.", "quote": "* keep raw food apart"},
]
BULLETS = "- Hands are washed.\n- Raw food is apart."


def checklist_state(status: str = "running", **more: Any) -> Response:
    """A checklist without a summary."""
    body = {
        "id": JOB_ID,
        "input_text": "Wash your\nhands.",
        "status": status,
        "summary": None,
        "checklist": None,
        "created_at": "2030-01-01T00:00:00Z",
        "updated_at": "2030-01-01T00:00:00Z",
    }
    return Response(200, body | more)


CHECKLIST_SUMMARISED = checklist_state(summary=SUMMARY)
CHECKLIST_SUCCEEDED = checklist_state("succeeded", summary=SUMMARY, checklist=BULLETS, items=ITEMS)


def generation_state(status: str = "PENDING", attempts: Sequence[Json] = (), **more: Any) -> Response:
    """An image generation with these failed attempts."""
    body = {
        "generationId": JOB_ID,
        "status": status,
        "prompt": "A lighthouse",
        "attempts": attempts,
        "failedAttempts": len(attempts),
        "createdAt": "2030-01-01T00:00:00Z",
        "updatedAt": "2030-01-01T00:00:00Z",
    }
    return Response(200, body | more)


def image_url(position: int) -> str:
    return f"{GENERATIONS.job}/images/{position}"


IMAGES_COMPLETE = generation_state("COMPLETE", images=[image_url(0)])


def image_file(media_type: str, content: bytes) -> Response:
    return Response(200, {}, {"Content-Type": media_type}, content)


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    body = {"type": "urn:aether:problem:x", "title": "X", "status": status, "detail": detail}
    return Response(status, body | more, headers or {})


Send: TypeAlias = Callable[[bytes], object]
Script: TypeAlias = Callable[[Send], object]
"""Sends the events of one connection, and ends it by returning."""

OPENING = b"retry: 20\n\n"


def event(name: str, data: Json, version: int | None = None) -> bytes:
    cursor = "" if version is None else f"id: {version}\n"
    return f"event: {name}\n{cursor}data: {json.dumps(data)}\n\n".encode()


def delta(position: int, text: str, attempt: int = 1) -> bytes:
    return event("section.delta", {"position": position, "attempt": attempt, "offset": 0, "text": text})


class FakeApi:
    """Returns the next of `states` for each GET of the job, and repeats the last one.

    A state of the version that the client has already is answered with 304. `files` are served at their paths. A
    request for the event stream gets the next of `streams`, or 404 if there is none. The first `lost_responses` POST
    requests get no response.
    """

    def __init__(
        self,
        states: Sequence[Response] = (REPORT_COMPLETED,),
        *,
        resource: Resource = REPORTS,
        on_submit: Response | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.on_submit = on_submit or resource.accepted
        self.on_cancel: Response | None = None
        self.lost_responses = 0
        self.files: dict[str, Response] = {}
        self.resource = resource
        self.streams: list[Script] = []
        self.states = list(states)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def received(self, method: str, path: str) -> list[Request]:
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def respond(self, request: Request) -> Response:
        self.requests.append(request)
        match request.method, request.path:
            case "POST", self.resource.path:
                return self.on_submit
            case "POST", path if path.endswith("/cancel"):
                return self.on_cancel or self._cancel()
            case "GET", self.resource.job:
                return self._next_state(request)
            case "GET", path if path == f"{self.resource.job}/events" and self.streams:
                return Response(200, {}, {"Content-Type": "text/event-stream"}, script=self.streams.pop(0))
            case "GET", path if path in self.files:
                return self.files[path]
        is_live = request.path == "/health/live"
        return Response(200, {}) if is_live else problem(404, "Nothing is served at this path.")

    def _next_state(self, request: Request) -> Response:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state.status != 200:
            return state
        etag = f'"{state.body.get("version") or zlib.crc32(json.dumps(state.body).encode())}"'
        if request.if_none_match == etag:
            return Response(304, {}, content=b"")
        return state._replace(headers={"ETag": etag})

    def _cancel(self) -> Response:
        self.states = [Response(200, self.states[0].body | self.resource.cancelled)]
        return self.states[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._respond()

            def do_POST(self) -> None:
                self._respond()

            def _respond(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                names = ("If-None-Match", "Last-Event-ID", "Idempotency-Key", "Authorization")
                body = json.loads(content) if content else None
                response = api.respond(Request(self.command, self.path, body, *map(self.headers.get, names)))
                if self.command == "POST" and api.lost_responses:
                    api.lost_responses -= 1
                    self.close_connection = True
                elif response.script is not None:
                    self._start(response, {"Connection": "close"})
                    with suppress(ConnectionError):  # the client may have closed the stream
                        response.script(self.wfile.write)
                else:
                    content = json.dumps(response.body).encode() if response.content is None else response.content
                    self._start(response, {"Content-Length": str(len(content))})
                    self.wfile.write(content)

            def _start(self, response: Response, headers: dict[str, str]) -> None:
                self.send_response(response.status)
                for name, value in {**headers, **response.headers}.items():
                    self.send_header(name, value)
                self.end_headers()

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
