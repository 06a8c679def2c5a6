"""Model service: OpenAI's endpoints under /v1, and endpoints that control the server."""

import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from tests.scripted_model.actions import Action, Answer, HttpError, Picture, client_error, model_not_found
from tests.scripted_model.calls import ANSWERED, DISCONNECTED, Call, Record
from tests.scripted_model.classifier import ChatRequest, Step, classify
from tests.scripted_model.images import FILES_PATH, ImageRequest, file_reply, image_reply
from tests.scripted_model.plans import MakeReply, plan_call, plan_error, plan_reply
from tests.scripted_model.replies import CREATED, Reply, completion, json_reply
from tests.scripted_model.script import Rule, Script
from tests.scripted_model.setup import Setup
from tests.scripted_model.wire import Connection, Plan, Request

_decode_chat = msgspec.json.Decoder(ChatRequest).decode
_decode_image = msgspec.json.Decoder(ImageRequest).decode
_decode_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode

_NOT_CHAT = ChatRequest(model="", messages=[])
_NOT_IMAGE = ImageRequest(prompt="")


class NewScript(msgspec.Struct, omit_defaults=True):
    """The body of POST /_script: fields that are set replace the server's own."""

    rules: list[Rule] | None = None
    setup: Setup | None = None


class Stats(msgspec.Struct):
    calls: int
    in_flight: int
    max_in_flight: int
    outcomes: dict[str, int]
    cpu_s: float


_decode_script = msgspec.json.Decoder(NewScript).decode


class ModelService:
    """Answers requests in the server's loop; any thread may read `record` and replace `script`."""

    def __init__(self, setup: Setup, rules: Sequence[Rule] = ()) -> None:
        self.setup = setup
        self.script = Script(rules)
        self.record = Record()
        self.connections: set[Connection] = set()
        self.stopping = False
        self._routes: dict[tuple[str, str], Callable[[Request], Plan]] = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/images/generations"): self._image,
            ("GET", FILES_PATH): self._file,
            ("GET", "/v1/models"): self._models,
            ("GET", "/_calls"): self._calls,
            ("GET", "/_stats"): self._stats,
            ("POST", "/_script"): self._script,
            ("POST", "/_reset"): self._reset,
        }

    def respond(self, request: Request) -> Plan:
        handler = self._routes.get((request.method, request.path))
        if handler is None:
            return plan_error(client_error(404, f"Invalid URL ({request.method} {request.path})", "unknown_url"))
        return handler(request)

    def complete_plan(self, plan: Plan) -> None:
        if plan.call is not None:
            self.record.end(plan.call, plan.outcome or ANSWERED, time.monotonic())

    def abort_plan(self, plan: Plan) -> None:
        if plan.call is not None:
            self.record.end(plan.call, "stopped" if self.stopping else DISCONNECTED, time.monotonic())

    def _chat(self, request: Request) -> Plan:
        now = time.monotonic()
        try:
            chat, raw, error = _decode_chat(request.body), msgspec.Raw(request.body), None
        except msgspec.DecodeError as problem:
            chat, raw, error = _NOT_CHAT, _json_or_null(request.body), client_error(400, f"Invalid request: {problem}")
        error = self._authentication_error(request) or error or self._unsupported_error(chat, request.body)
        call = Call(
            seq=0,
            step=classify(chat) if chat.messages else Step(),
            model=chat.model,
            stream=bool(chat.stream),
            started=now,
            headers=request.headers,
            raw=raw,
        )
        return self._plan(call, error, partial(_completion_reply, call, chat, self.setup))

    def _image(self, request: Request) -> Plan:
        now = time.monotonic()
        try:
            image, raw, error = _decode_image(request.body), msgspec.Raw(request.body), None
        except msgspec.DecodeError as problem:
            image, raw, error = (
                _NOT_IMAGE,
                _json_or_null(request.body),
                client_error(400, f"Invalid request: {problem}"),
            )
        error = self._authentication_error(request) or error or self._parameter_error(image.model, request.body)
        step = Step("image", "image", topic=image.prompt)
        call = Call(seq=0, step=step, model=image.model, started=now, headers=request.headers, raw=raw)
        return self._plan(call, error, partial(_image_reply, call, image, request.headers.get("host", "")))

    def _file(self, request: Request) -> Plan:
        """Return the plan for a file whose address was in an answer; it needs no key."""
        name, seq = request.query.get("name", "missing"), int(request.query.get("of", "0"))
        step = Step("file", "file", seq)
        call = Call(seq=0, step=step, started=time.monotonic(), headers=request.headers)
        return self._plan(call, None, lambda _: file_reply(name, seq))

    def _plan(self, call: Call, error: HttpError | None, make_reply: MakeReply) -> Plan:
        self.record.begin(call, counted=error is None)
        if error is not None:
            return plan_error(error, call)
        rule = self.script.rule_for(call)
        action = self.setup.faults.draw(call) if rule is None else rule.do
        return plan_call(call, make_reply, action, self.setup, None if rule is None else rule.latency_ms)

    def _authentication_error(self, request: Request) -> HttpError | None:
        key = self.setup.api_key
        if not key or request.headers.get("authorization") == f"Bearer {key}":
            return None
        return client_error(401, "Incorrect API key provided.", "invalid_api_key")

    def _unsupported_error(self, chat: ChatRequest, body: bytes) -> HttpError | None:
        setup = self.setup
        if not chat.messages:
            return client_error(400, "[] is too short - 'messages'", param="messages")
        form = chat.response_format.type if chat.response_format else "text"
        if (form == "json_schema" and not setup.json_schema) or (form == "json_object" and not setup.json_mode):
            return client_error(
                400, f"response_format {form} is not supported with this model.", param="response_format"
            )
        if (problem := _rejected_messages(chat, setup)) is not None:
            return client_error(400, problem, param="messages")
        if not chat.stream and not setup.whole_answers:
            return client_error(400, "only streaming is supported by this model")
        return self._parameter_error(chat.model, body)

    def _parameter_error(self, model: str, body: bytes) -> HttpError | None:
        setup = self.setup
        if setup.check_model and model not in setup.models:
            return model_not_found(model)
        for name in sorted(_decode_keys(body).keys() & set(setup.reject_params)) if setup.reject_params else ():
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            return client_error(400, message, "unsupported_parameter", name)
        return None

    def _models(self, request: Request) -> Plan:
        if (error := self._authentication_error(request)) is not None:
            return plan_error(error)
        models = [
            {"id": name, "object": "model", "created": CREATED, "owned_by": "scripted"}
            | ({"max_model_len": self.setup.context} if self.setup.context else {})
            for name in self.setup.models
        ]
        return plan_reply(json_reply(_encode({"object": "list", "data": models})))

    def _calls(self, request: Request) -> Plan:
        """Return the calls as an array; `?after=SEQ` leaves out those up to this number."""
        after = msgspec.convert(request.query.get("after", "0"), int, strict=False)
        return plan_reply(json_reply(_encode([call for call in self.record.calls() if call.seq > after])))

    def _stats(self, _: Request) -> Plan:
        record = self.record
        stats = Stats(
            len(record.calls()), record.in_flight, record.max_in_flight, record.outcomes(), time.process_time()
        )
        return plan_reply(json_reply(_encode(stats)))

    def _script(self, request: Request) -> Plan:
        try:
            new = _decode_script(request.body)
        except (msgspec.MsgspecError, ValueError) as problem:
            return plan_error(client_error(400, str(problem)))
        if new.rules is not None:
            self.script = Script(new.rules)
        self.setup = new.setup or self.setup
        return plan_reply(json_reply(b"{}"))

    def _reset(self, _: Request) -> Plan:
        self.record.clear()
        return plan_reply(json_reply(b"{}"))


def _rejected_messages(chat: ChatRequest, setup: Setup) -> str | None:
    roles = {message.role for message in chat.messages}
    if not setup.system_role and "system" in roles:
        return "System role not supported"
    if not setup.empty_messages and any(message.role == "assistant" and not message.text for message in chat.messages):
        return "messages: text content blocks must be non-empty"
    return None


def _completion_reply(call: Call, chat: ChatRequest, setup: Setup, action: Action | None) -> Reply:
    return completion(call, chat, action if isinstance(action, Answer) else Answer(), setup)


def _image_reply(call: Call, image: ImageRequest, host: str, action: Action | None) -> Reply:
    return image_reply(call, image, action if isinstance(action, Picture) else Picture(), host)


def _json_or_null(body: bytes) -> msgspec.Raw:
    try:
        msgspec.json.decode(body)
    except msgspec.DecodeError:
        return msgspec.Raw(b"null")
    return msgspec.Raw(body)
