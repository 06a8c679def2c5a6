"""A tiny HTTP server that speaks as much of the reports API as `aether report` hears."""

import json
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

JOB_ID = "0b8e8a3e-2f58-4a5c-9d0b-6f4f6f1f8f11"
OUTLINE = ["I. Rise", "II. Rule", "III. Fall"]
TEXTS = {"I. Rise": "It *rose*.", "II. Rule": "It ruled for long.", "III. Fall": "It fell."}

Json = dict[str, Any]


class Answer(NamedTuple):
    status: int
    body: Json
    headers: Mapping[str, str] = MappingProxyType({})


class Asked(NamedTuple):
    method: str
    path: str
    body: Json | None
    if_none_match: str | None


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


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Answer:
    body = {"type": "urn:aether:problem:x", "title": "X", "status": status, "detail": detail}
    return Answer(status, body | more, headers or {})


class FakeApi:
    """Answers each GET of the job with the next of `states`, and from then on with the last.

    A state of the version that the client has already is answered 304.
    """

    def __init__(self, states: Sequence[Answer] = (COMPLETED,), *, accept: Answer | None = None) -> None:
        self.asked: list[Asked] = []
        self.accept = accept or Answer(202, {"jobId": JOB_ID})
        self.cancel: Answer | None = None
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
            case "POST", "/reports":
                return self.accept
            case "POST", path if path.endswith("/cancel"):
                return self.cancel or self._cancelled()
            case "GET", "/health/live":
                return Answer(200, {})
            case "GET", path if path == f"/reports/{JOB_ID}":
                return self._next(asked)
        return problem(404, "Nothing is served at this path.")

    def _next(self, asked: Asked) -> Answer:
        now = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        etag = f'"{now.body.get("version")}"'
        return Answer(304, {}) if now.status == 200 and asked.if_none_match == etag else now

    def _cancelled(self) -> Answer:
        now = self.states[0]
        self.states = [Answer(200, now.body | {"status": "cancelled", "version": 99})]
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
                asked = Asked(
                    self.command, self.path, json.loads(body) if body else None, self.headers.get("If-None-Match")
                )
                answer = api.answer(asked)
                content = b"" if answer.status == 304 else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

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
