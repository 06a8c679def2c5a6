"""What a chat completion says."""

import re

import msgspec

from aether.domain.job import Usage
from aether.errors import UnusableOutputError
from aether.workflows.llm.ports import Reply


class TokenUsage(msgspec.Struct, frozen=True):
    """What a call has cost, as the server counts."""

    prompt_tokens: float | None = None  # whole numbers, but not every server writes them so
    completion_tokens: float | None = None


class _Said(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Said
    finish_reason: str | None = None


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]
    usage: TokenUsage | None = None


# Some servers leave a reasoning model's thoughts in the answer.
_THOUGHTS = re.compile(r"\A\s*<think>.*?(?:</think>\s*|\Z)", re.DOTALL)
_MOST_TOKENS = 2**40  # so that Redis can add them up, however many calls tell nonsense
_decoder = msgspec.json.Decoder(_Completion)


def counted(tokens: float | None) -> int:
    """Read a number of tokens; one that no call can have cost, or that is not told, within what can be added up."""
    return int(min(max(tokens or 0, 0), _MOST_TOKENS))


def whole(content: bytes) -> Reply:
    """Read a completion that came in one piece.

    Raises:
        UnusableOutputError: it is none, or has nothing in it.
    """
    try:
        completion = _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise UnusableOutputError("it is no chat completion") from error
    if not completion.choices:
        raise UnusableOutputError("it has no choices")
    choice = completion.choices[0]
    return reply_of(choice.message.content or "", choice.message.refusal, choice.finish_reason, completion.usage)


def reply_of(content: str, refusal: str | None, finish_reason: str | None, tokens: TokenUsage | None) -> Reply:
    """Return what was said, without thoughts."""
    tokens = tokens or TokenUsage()
    usage = Usage(1, counted(tokens.prompt_tokens), counted(tokens.completion_tokens))
    filtered = "its content filter stopped the answer." if finish_reason == "content_filter" else None
    return Reply(_THOUGHTS.sub("", content), finish_reason == "length", usage, refusal or filtered)
