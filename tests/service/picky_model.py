"""Picky model: a model server that lacks features, as real ones do; each is one entry of a table."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

Json: TypeAlias = dict[str, Any]  # Any: JSON

MODEL = "llama3.1"


class Refusal(NamedTuple):
    """An answer with an error."""

    status: int
    body: object
    headers: Mapping[str, str] = {}


Rule: TypeAlias = Callable[[Json, "PickyModel"], Refusal | None]
"""Returns how a request is refused, if it is."""


def refuse(when: Callable[[Json], object], message: str, status: int = 400, **fields: object) -> Rule:
    """Return a rule that refuses some requests with an error in OpenAI's format."""
    return lambda body, _: Refusal(status, {"error": {"message": message, **fields}}) if when(body) else None


NO_SCHEMA = refuse(
    lambda body: body.get("response_format", {}).get("type") == "json_schema",
    "response_format json_schema is not supported",
)
NO_FORM = refuse(lambda body: "response_format" in body, "unknown field response_format", 422)
NO_SYSTEM = refuse(
    lambda body: any(message["role"] == "system" for message in body["messages"]), "System role not supported"
)
NO_STREAM = refuse(lambda body: body.get("stream"), "streaming is not supported by this model")
NO_STREAM_USAGE = refuse(lambda body: "stream_options" in body, "stream_options: extra fields not permitted")
STREAM_ONLY = refuse(lambda body: not body.get("stream"), "only streaming is supported by this model")
NEW_LIMIT = refuse(
    lambda body: "max_tokens" in body,
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    param="max_tokens",
)
NO_TEMPERATURE = refuse(
    lambda body: "temperature" in body, "temperature is not supported by this model", param="temperature"
)
UNKNOWN_MODEL = refuse(lambda body: body["model"] != MODEL, "The model does not exist.", 404, code="model_not_found")


def busy_at_first(body: Json, model: "PickyModel") -> Refusal | None:
    """Refuse each kind of request once, except the first one."""
    kind = json.dumps([body.get("response_format"), body.get("stream"), body["messages"][0]["role"]])
    if not model.requests or kind in model.seen:
        return None
    model.seen.add(kind)
    return Refusal(429, {"error": {"message": "slow down"}}, {"Retry-After": "0.05"})


class PickyModel:
    """The server, from `with` on; `answer` returns what the model says to a request.

    `models` is the answer to /v1/models and `props` that to /props; None is a 404.
    """

    def __init__(
        self,
        *rules: Rule,
        answer: Callable[[Json], str] | None = None,
        models: object = {"data": [{"id": MODEL}]},
        props: object = None,
        prefix: str = "/v1",
    ) -> None:
        self.rules: Sequence[Rule] = rules
        self.answer = answer or _answer
        self.pages = {f"{prefix}/models": models, "/props": props}
        self.prefix = prefix
        self.requests: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.seen: set[str] = set()
        self.refused = 0
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, model: PickyModel) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: callers may leave before their answer, and tests read what is written to standard error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        page = self.server.model.pages.get(self.path.partition("?")[0])
        self._send(*(200, page) if page is not None else (404, {"detail": "Not Found"}))

    def do_POST(self) -> None:
        model = self.server.model
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.partition("?")[0] != f"{model.prefix}/chat/completions":
            self._send(404, {"detail": "Not Found"})
            return
        refusal = next(filter(None, (rule(body, model) for rule in model.rules)), None)
        model.requests.append(body)
        model.headers.append(dict(self.headers))
        if refusal is not None:
            model.refused += 1
            self._send(*refusal)
        elif body.get("stream"):
            self._send(200, _events(model.answer(body), body), {"Content-Type": "text/event-stream"})
        else:
            self._send(200, _completion(model.answer(body)))

    def _send(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _events(text: str, body: Json) -> bytes:
    chunks: list[Json] = [{"choices": [{"delta": {"content": text}}]}]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    if "stream_options" in body:
        chunks.append({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})
    return "".join(f"data: {line}\n\n" for line in (*map(json.dumps, chunks), "[DONE]")).encode()


def _answer(body: Json) -> str:
    return '{"city": "Paris"}' if "JSON" in body["messages"][-1]["content"] else "Hello"


def _completion(text: str) -> Json:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}


def slowly(seconds: float) -> Callable[[Json], str]:
    """Return an answer that takes its time."""

    def answer(body: Json) -> str:
        time.sleep(seconds)
        return _answer(body)

    return answer
