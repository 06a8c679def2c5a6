"""Chat completions: parsing an answer that arrives whole."""

import msgspec

from aether.adapters.openai.answers import MAX_TEXT, Answer, TokenUsage, read_answer
from aether.adapters.openai.lenient_json import SMALL, JsonDocument, no_json
from aether.errors import UnusableOutputError


class _Message(msgspec.Struct, frozen=True):
    content: str
    refusal: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message
    finish_reason: str  # one that is missing here may stand elsewhere
    native_finish_reason: None = None
    error: None = None


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice]
    usage: TokenUsage | None = None
    error: None = None


_decoder = msgspec.json.Decoder(_Completion)


async def parse_completion(body: bytes, max_chars: int = MAX_TEXT) -> Answer:
    """Parse the body of an answer; of its content at most `max_chars`.

    Raises:
        UnusableOutputError: it is not a chat completion, nor an error, or has no choices.
    """
    if len(body) <= SMALL:
        try:
            completion = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # read below, wherever its parts stand
        else:
            choice = completion.choices[0]
            if choice.message.content and not choice.message.content.isspace():
                refusal = choice.message.refusal or ""
                return Answer(choice.message.content, "", "", refusal, choice.finish_reason, completion.usage)
    return await _read(body, max_chars)


async def _read(body: bytes, max_chars: int) -> Answer:
    document = await JsonDocument.decode(body)
    answer = await read_answer(document, max_chars)
    if answer.error is None and not answer.has_choice:
        value = document.value
        raise UnusableOutputError("it has no choices") if isinstance(value, dict) and "choices" in value else no_json()
    return answer
