"""Thinking talk: how texts begin that turn out to be thinking, without a mark or with one in words, as tables."""

import re
from collections.abc import Callable

from aether.adapters.openai.thinking_marks import NAME

# Of code fences, comments and headings.
_LEFT = ("```", "``` ", "~~~", "~~~ ", "<!--", "<!-- ", *(f"{'#' * level} " for level in range(1, 5)))
# How models begin to think aloud when the mark of the beginning is in their prompt template and so not in the answer.
_TALK = (
    *("the user", "user wants", "user asks", "user request", "okay", "ok,", "ok ", "alright", "hmm", "let me", "let's"),
    *("i need", "i should", "i will", "i'll", "i have to", "i must", "i am ask", "i'm ", "i can", "i want", "i think"),
    *("we need", "we should", "we have to", "we must", "we are ask", "we're ", "we can", "we will", "we'll", "need to"),
    *("first, i", "first i", "first, let", "so i", "so, ", "so the", "so we", "now i", "now, ", "now let", "got it"),
    *(
        "sure",
        "right,",
        "wait",
        "thinking",
        "thought",
        "reasoning",
        "analysis",
        "plan:",
        "planning",
        "my task",
        "the task",
    ),
    *("the prompt", "the request", "the instruction", "the question", "the section", "this section", "this is section"),
    *("here are my r", "here is my r", "here's my r", "here are the r"),
    *(f"{left}{word}" for left in _LEFT for word in ("think", "thought", "reason", "reflect", "analysis", "scratch")),
    *("here is my th", "here's my th", "here is a th", "here's a th", "*thinking", "**thinking", "> ", "write about"),
    *(
        "section ",
        "goal:",
        "task:",
        "draft",
        "der nutzer",
        "der benutzer",
        "die nutzer",
        "ich soll",
        "ich muss",
        "zuerst",
    ),
    *("lass mich", "l'utilisateur", "d'accord", "je dois", "el usuario", "debo", "vale", "l'utente", "o usuário"),
    *("пользователь", "хорошо", "мне нужно", "用户", "好的", "嗯", "首先", "我需要", "ユーザー", "まず", "사용자"),
)
_MAX_TALK = max(map(len, _TALK))
_TALK_BEGINNINGS = frozenset(phrase[:end] for phrase in _TALK for end in range(len(phrase) + 1))
_ABOUT_USER = re.compile(
    r"\b(?:user|nutzer|benutzer|utilisateur|usuario|utente|usuário)\b|用户|ユーザー|사용자|пользовател", re.IGNORECASE
)


def may_be_talk(beginning: str) -> bool:
    """Whether a text that begins so may turn out to be thinking aloud, once more of it is known."""
    return beginning.lstrip()[:_MAX_TALK].casefold()[:_MAX_TALK] in _TALK_BEGINNINGS


def is_talk(beginning: str) -> bool:
    """Whether a text begins as models think aloud."""
    return beginning.lstrip()[:_MAX_TALK].casefold().startswith(_TALK)


def is_about_user(text: str) -> bool:
    """Whether the beginning of a text speaks about the user, as no answer does."""
    return _ABOUT_USER.search(text[:200]) is not None


_ROLE_FORMS = ("{}\n", "{}\r", "{} \n", "{}: ", "{}:\n", "{}:\r", "**{}:** ", "**{}:**\n", "**{}**: ", "### {}:\n")
_ROLES = (
    *(form.format(role) for role in ("assistant", "Assistant", "ASSISTANT") for form in _ROLE_FORMS),
    *("model\n", "model\r", "### Response:\n", "### Response: "),
)
"""How a turn begins of which a server has removed the special tokens, but not the speaker."""
_MAX_ROLE = max(map(len, _ROLES))
_ROLE_BEGINNINGS = frozenset(role[:end] for role in _ROLES for end in range(len(role)))


def may_be_role(beginning: str) -> bool:
    """Whether a text that begins so may turn out to begin with the speaker."""
    return beginning.lstrip()[:_MAX_ROLE] in _ROLE_BEGINNINGS


def without_role(beginning: str) -> str:
    """Return a text without the speaker at its beginning."""
    text = beginning.lstrip()
    if not text.startswith(_ROLES):
        return beginning
    return next((text[len(role) :] for role in _ROLES if text.startswith(role)), beginning)


_MARKED = re.compile(
    rf"\s*(?:(?:`{{3,}}|~{{3,}})[ \t]?(?:{NAME})[ \t]*\n|<!--\s?(?:{NAME})|here are my reasoning steps)", re.IGNORECASE
)


def is_marked_as_thinking(text: str) -> bool:
    """Whether the beginning of a text says that it is thinking, so that without an end it is nothing else."""
    return _MARKED.match(text) is not None


_Cut = Callable[[str], str | None]


def _between(begin: str, end: str) -> _Cut:
    begins, ends = re.compile(begin, re.IGNORECASE), re.compile(end, re.IGNORECASE | re.MULTILINE)

    def cut(text: str) -> str | None:
        found = begins.match(text)
        answer = ends.search(text, found.end()) if found else None
        return text[answer.end() :].lstrip() if answer else None

    return cut


_SOFT_MARKS: tuple[_Cut, ...] = (
    _between(rf"\s*(?:`{{3,}}|~{{3,}})[ \t]?(?:{NAME})[ \t]*\n", r"^(?:`{3,}|~{3,})[ \t]*(?:\n|\Z)"),
    _between(rf"\s*<!--\s?(?:{NAME})\b", r"-->"),
    # gpt-oss behind a server that drops special tokens.
    _between(r"\s*analysis(?=\S)", r"assistant\s?final(?:\s?json)?(?=\S)"),
    _between(
        r"\s*here(?:'s| is) (?:my|a) (?:thought|thinking|reasoning) process:?",
        r"^\W{0,4}here(?:'s| is) my response:?\W{0,4}",
    ),
    _between(
        r"\s*[*#> ]{0,6}(?:thinking|thought|reasoning|analysis)(?: process)?[*]{0,2}(?::|\.\.\.|…)",
        r"^[*#> ]{0,6}(?:final )?(?:answer|response|output|section)[*]{0,2}:[*]{0,2}\s",
    ),
    _between(
        r"\s*#{1,6} ?(?:thinking|thoughts?|reasoning|analysis)(?: process)?[ \t]*\n",
        r"^#{1,6} ?(?:final )?(?:answer|response|output|section)[ \t]*\n",
    ),
    _between(r"\s*(?=>[^\n]{0,200}\buser\b)(?:>[^\n]*\n+)+", r"(?=[^>\s])"),
    _between(r"\s*\*{0,2}thinking(?:\.\.\.|…)\*{0,2}\s*\n+(?:>[^\n]*\n+)+", r"(?=[^>\s])"),
)
"""Words that mark thinking only if both of the pair are there."""


def cut_soft_marks(text: str) -> str | None:
    """Return the answer behind thinking that is marked by words; None if there is no such pair."""
    return next(filter(None, (cut(text) for cut in _SOFT_MARKS)), None)
