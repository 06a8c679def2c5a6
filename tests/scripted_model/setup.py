"""Setup: how a server behaves apart from its script: sizes, latencies, supported features."""

import msgspec

from tests.scripted_model.calls import Call
from tests.scripted_model.script import Mix, chances


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Each field is also an option of the command line, such as `--outline-ms 300`.

    Attributes:
        sections: Sections in an outline if the prompt does not say "exactly N sections".
        words: Words in a section.
        outline_ms: Latency of outlines, their continuations and repairs.
        section_ms: The same for sections.
        other_ms: The same for everything else.
        error_ms: Latency of errors, and of resets before the first byte.
        jitter: Share of a latency, 0 to 1, by which it may be longer or shorter; reproducible, like the mix.
        streams: Whether a requested stream is sent as a stream, and not in one piece.
        stream_comments: Whether a comment comes before each event of a stream, as some proxies send to keep it open.
        stream_pieces: How many pieces a streamed text has, spread evenly over the latency.
        json_schema: Whether `response_format` may be a JSON schema.
        json_mode: Whether `response_format` may be `json_object`.
        system_role: Whether messages may have the role "system".
        empty_messages: Whether a message of the assistant may be empty.
        whole_answers: Whether an answer may be asked for in one piece.
        context: The context window that `GET /v1/models` tells; 0 is not told.
        api_key: The only valid key; if empty, no key is needed.
        models: The models of `GET /v1/models`.
        check_model: Whether a request for another model gets a 404.
        reject_params: Top-level parameters that get a 400, such as "max_completion_tokens".
        faults: The random mix.
    """

    sections: int = 8
    words: int = 120
    outline_ms: float = 0.0
    section_ms: float = 0.0
    other_ms: float = 0.0
    error_ms: float = 0.0
    jitter: float = 0.0
    streams: bool = True
    stream_comments: bool = False
    stream_pieces: int = 8
    json_schema: bool = True
    json_mode: bool = True
    system_role: bool = True
    empty_messages: bool = True
    whole_answers: bool = True
    context: int = 0
    api_key: str = ""
    models: tuple[str, ...] = ("scripted-model",)
    check_model: bool = False
    reject_params: tuple[str, ...] = ()
    faults: Mix = Mix()

    def latency_ms(self, call: Call) -> float:
        """Return the latency of the default answer to this call."""
        of = call.step.of
        latency = self.outline_ms if of == "outline" else self.section_ms if of == "section" else self.other_ms
        if self.jitter and latency:
            return latency * (1 + self.jitter * (2 * chances(self.faults.seed, call)[1] - 1))
        return latency
