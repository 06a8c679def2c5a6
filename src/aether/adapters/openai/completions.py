"""Chat completions: parsing an answer that arrives whole."""

import re

import msgspec

from aether.domain.job import Usage
from aether.errors import UnusableOutputError
from aether.workflows.llm.ports import Reply


class TokenUsage(msgspec.Struct, frozen=True):
    """The tokens of a call, as the server counts them."""

    prompt_tokens: float | None = None  # whole numbers, but not every server writes them so
    completion_tokens: float | None = None


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]
    usage: TokenUsage | None = None


# Some servers leave a reasoning model's thinking in the answer.
_THINKING = re.compile(r"\A\s*<think>.*?(?:</think>\s*|\Z)", re.DOTALL)
_MAX_TOKENS = 2**40  # Redis can still add these up, however many calls report nonsense
_decoder = msgspec.json.Decoder(_Completion)


def token_count(reported: float | None) -> int:
    """Return a reported number of tokens as a whole number within bounds that can be added up; 0 for none."""
    return int(min(max(reported or 0, 0), _MAX_TOKENS))


def parse_completion(content: bytes) -> Reply:
    """Parse the body of an answer.

    Raises:
        UnusableOutputError: it is not a chat completion, or has no choices.
    """
    try:
        completion = _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise UnusableOutputError("it is no chat completion") from error
    if not completion.choices:
        raise UnusableOutputError("it has no choices")
    choice = completion.choices[0]
    return make_reply(choice.message.content or "", choice.message.refusal, choice.finish_reason, completion.usage)


def make_reply(content: str, refusal: str | None, finish_reason: str | None, tokens: TokenUsage | None) -> Reply:
    """Return the reply, without the thinking at its beginning."""
    tokens = tokens or TokenUsage()
    usage = Usage(1, token_count(tokens.prompt_tokens), token_count(tokens.completion_tokens))
    filtered = "its content filter stopped the answer." if finish_reason == "content_filter" else None
    return Reply(_THINKING.sub("", content), finish_reason == "length", usage, refusal or filtered)
