"""Classifier of chat requests: the only module here that knows the service's prompts.

The other modules use the `Step` that `classify` returns. When the wording of a prompt changes, only the expressions
below have to change.
"""

import re
from typing import Literal

import msgspec

Kind = Literal[
    "outline",
    "section",
    "rewrite",
    "derived",
    "continuation",
    "repair",
    "summary",
    "checklist",
    "image",
    "file",
    "other",
]

_FENCE = re.compile(r"^<(?P<tag>\w+)>\s*(?P<text>.*?)\s*</(?P=tag)>$", re.DOTALL | re.MULTILINE)
_TASK = re.compile(
    r"^(?:Write section (?P<index>\d+) of (?P<total>\d+): *(?P<section>.*?) *$"
    r"|Write the (?P<write>outline|checklist)"
    r"|Write the (?P<derived>summary|conclusion|key points|glossary) of this report"
    r"|(?P<summary>Summarise the guideline))",
    re.MULTILINE,
)
_EXACTLY = re.compile(r"\bexactly (\d+) sections?\b")
_ESCAPE = re.compile(r"&(?P<amp>amp;)?(?P<rest>(?:amp;)*lt;)")
_TOPIC_TAGS = frozenset({"topic", "guideline"})
_FOLLOW_UPS: tuple[tuple[str, Kind], ...] = (
    ("Continue", "continuation"),
    ("Repair", "repair"),
    ("Write it again", "repair"),
    ("These faults were found", "rewrite"),
)


class TextPart(msgspec.Struct, frozen=True):
    """One part of a message whose content is a list; parts that are not text have none."""

    text: str = ""


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The content as one string, in whichever of its three forms it was sent."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content or ())


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ResponseFormat(msgspec.Struct, frozen=True):
    type: str = "text"


class ChatRequest(msgspec.Struct, frozen=True):
    """The fields of a chat completion request that change the answer; the others are in the call's raw body."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None


class Step(msgspec.Struct, frozen=True):
    """What one request asks for.

    Attributes:
        kind: What the last message asks for.
        of: The kind of the answer that is to be continued or repaired; otherwise equal to `kind`.
        index: The section's number, from 1; 0 if the request is not about a section.
        total: How many sections the report has, or the outline must have; 0 if the request does not say.
        title: The section's title, or what is derived from the sections; empty if the request is about neither.
        topic: The caller's own text, topic or guideline, as it was before it was escaped; for a kind of job that this
            module does not know, the last text in a fence. Empty if no message has a fence.
    """

    kind: Kind = "other"
    of: Kind = "other"
    index: int = 0
    total: int = 0
    title: str = ""
    topic: str = ""


def classify(request: ChatRequest) -> Step:
    """Return what the request asks for; its last user message decides that is neither a repair nor a continuation.

    Text in a fence is ignored, so that a topic or instructions cannot look like a prompt. A fence is on lines of its
    own in a user message. In all text that is not theirs the prompts write `&lt;` for `<` and `&amp;lt;` for `&lt;`,
    which is undone here.
    """
    topic = last_fenced = ""
    prompts: list[str] = []
    for message in request.messages:
        if message.role == "user":
            text = message.text
            topic, last_fenced = _topic(text) or topic, _last_fenced(text) or last_fenced
            prompts.append(_FENCE.sub("", text))
    tasks = [prompt for prompt in prompts if _follow_up(prompt) is None]
    step = _step(tasks, topic) or Step(topic=topic or last_fenced)
    follow_up = _follow_up(prompts[-1]) if prompts else None
    return step if follow_up is None else msgspec.structs.replace(step, kind=follow_up)


def assistant_text(request: ChatRequest) -> str:
    """Return what the assistant has already written in this conversation."""
    return "".join(message.text for message in request.messages if message.role == "assistant")


def _topic(prompt: str) -> str:
    texts = (found["text"] for found in _FENCE.finditer(prompt) if found["tag"] in _TOPIC_TAGS)
    return unescape(next(texts, ""))


def _last_fenced(prompt: str) -> str:
    texts = [found["text"] for found in _FENCE.finditer(prompt)]
    return unescape(texts[-1]) if texts else ""


def unescape(text: str) -> str:
    """Return a text as it was before it was escaped for a prompt."""
    return _ESCAPE.sub(lambda escape: f"&{escape['rest']}" if escape["amp"] else "<", text)


def _follow_up(prompt: str) -> Kind | None:
    return next((kind for start, kind in _FOLLOW_UPS if prompt.lstrip().startswith(start)), None)


def _step(prompts: list[str], topic: str) -> Step | None:
    for prompt in reversed(prompts):
        if (found := _TASK.search(prompt)) is None:
            continue
        if found["index"]:
            index, total = int(found["index"]), int(found["total"])
            return Step("section", "section", index, total, unescape(found["section"]), topic)
        if found["derived"]:
            return Step("derived", "derived", title=found["derived"], topic=topic)
        if found["write"] == "outline":
            count = _EXACTLY.search(prompt)
            return Step("outline", "outline", total=int(count[1]) if count else 0, topic=topic)
        kind: Kind = "summary" if found["summary"] else "checklist"
        return Step(kind, kind, topic=topic)
    return None
