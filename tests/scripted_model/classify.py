"""What a chat request asks for: the one place that knows the service's prompts.

Everything else in this package works on the `Step` that `classify` returns, so a change of the prompts' wording is a
change of the expressions below and of nothing else.
"""

import re
from typing import Literal

import msgspec

Kind = Literal["outline", "section", "continuation", "repair", "summary", "checklist", "image", "file", "other"]

_FENCE = re.compile(r"^<(?P<tag>\w+)>\s*(?P<text>.*?)\s*</(?P=tag)>$", re.DOTALL | re.MULTILINE)
_TASK = re.compile(
    r"^(?:Write section (?P<index>\d+) of (?P<total>\d+): *(?P<section>.*?) *$"
    r"|Write the (?P<write>outline|checklist)|(?P<summary>Summarise the guideline))",
    re.MULTILINE,
)
_EXACTLY = re.compile(r"\bexactly (\d+) sections?\b")
_ESCAPE = re.compile(r"&(?P<amp>amp;)?(?P<rest>(?:amp;)*lt;)")
_OWN_WORDS = frozenset({"topic", "guideline"})
_FOLLOW_UPS: tuple[tuple[str, Kind], ...] = (("Continue", "continuation"), ("Repair", "repair"))


class TextPart(msgspec.Struct, frozen=True):
    """One part of a message whose content is a list; parts that are not text have none."""

    text: str = ""


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The content as one string, whichever of its three shapes it was sent in."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content or ())


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ResponseFormat(msgspec.Struct, frozen=True):
    type: str = "text"


class ChatRequest(msgspec.Struct, frozen=True):
    """The fields of a chat completion request that change the answer; the rest stays in the call's raw body."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None


class Step(msgspec.Struct, frozen=True):
    """What one request asks for.

    Attributes:
        kind: What the last message wants.
        of: What a continuation or repair follows up on; otherwise equal to `kind`.
        index: The section's number, from 1; 0 when the request is not about a section.
        total: How many sections the report has, or the outline must have; 0 when not said.
        title: The section's title; empty when the request is not about a section.
        topic: The caller's own words, topic or guideline, as they were before the fence; empty when no message carries
            the fence.
    """

    kind: Kind = "other"
    of: Kind = "other"
    index: int = 0
    total: int = 0
    title: str = ""
    topic: str = ""


def classify(request: ChatRequest) -> Step:
    """Return what the request asks for, judged by its last user message that is neither a repair nor a continuation.

    Fenced lines never count: whoever writes the topic or the instructions must not be able to pass for a prompt. A
    fence stands on lines of its own in a user message. The prompts write `&lt;` for `<` and `&amp;lt;` for `&lt;` in
    all text that is not theirs, which is undone.
    """
    topic = ""
    prompts: list[str] = []
    for message in request.messages:
        if message.role == "user":
            text = message.text
            topic = _topic(text) or topic
            prompts.append(_FENCE.sub("", text))
    asked = [prompt for prompt in prompts if _follow_up(prompt) is None]
    task = _task(asked, topic)
    follow_up = _follow_up(prompts[-1]) if prompts else None
    return task if follow_up is None else msgspec.structs.replace(task, kind=follow_up)


def said_before(request: ChatRequest) -> str:
    """Return what the assistant had already written, as the conversation shows it."""
    return "".join(message.text for message in request.messages if message.role == "assistant")


def _topic(prompt: str) -> str:
    texts = (found["text"] for found in _FENCE.finditer(prompt) if found["tag"] in _OWN_WORDS)
    return unescape(next(texts, ""))


def unescape(text: str) -> str:
    """Return a text of the caller's or the model's as it was before it was put into a prompt."""
    return _ESCAPE.sub(lambda escape: f"&{escape['rest']}" if escape["amp"] else "<", text)


def _follow_up(prompt: str) -> Kind | None:
    return next((kind for start, kind in _FOLLOW_UPS if prompt.lstrip().startswith(start)), None)


def _task(prompts: list[str], topic: str) -> Step:
    for prompt in reversed(prompts):
        if (found := _TASK.search(prompt)) is None:
            continue
        if found["index"]:
            index, total = int(found["index"]), int(found["total"])
            return Step("section", "section", index, total, unescape(found["section"]), topic)
        if found["write"] == "outline":
            count = _EXACTLY.search(prompt)
            return Step("outline", "outline", total=int(count[1]) if count else 0, topic=topic)
        kind: Kind = "summary" if found["summary"] else "checklist"
        return Step(kind, kind, topic=topic)
    return Step(topic=topic)
