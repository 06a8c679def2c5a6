"""Thinking marks: how models mark their thinking, as tables."""

import re
from collections.abc import Callable

_WORDS = (
    *(
        "think(?:ing)?",
        "thoughts?",
        "reason(?:ing)?",
        "reflect(?:ion)?",
        "analysis",
        "scratch_?pad",
        "cot",
        "rationale",
    ),
    *("(?:inner|internal)[ _-]?(?:monologue|thoughts?|thinking|reasoning|prefix|suffix)", "monologue", "ant_?thinking"),
    *("chain[ _-]?of[ _-]?thoughts?", "deliberation", "self[ _-]?reflection", "plan(?:ning)?", "brainstorm(?:ing)?"),
    *("思考(?:过程)?", "推理"),
)
_NAME = rf"(?:\w{{1,16}}:)?(?:{'|'.join(_WORDS)})(?:[ _▁-]?(?:process|content|block|trace))?"
_ANSWER = r"(?:final[ _-]?)?(?:answer|response|output|solution|result|box)|final"
_BEGIN, _END = r"(?:begin|start)[ _▁-]?(?:of[ _▁-]?)?", r"end[ _▁-]?(?:of[ _▁-]?)?"
_LEFT, _RIGHT = r"(?:<[|\uff5c]?|\[|◁|【|⟨|«)\s?", r"\s?(?:[|\uff5c]?>|\](?![(\[:])|▷|】|⟩|»)"
_ATTRIBUTES = r"(?:\s[^<>\[\]\n]{0,120})?"

MARK = re.compile(
    # Messages with channels, as of gpt-oss and Gemma; `final` is the answer.
    r"(?:<\|start\|>\s?assistant\s?)?<\|channel\|?>\s?(?P<channel>\w{1,20})"
    r"(?:[^<\n]{0,80}(?:<\|constrain\|>[^<\n]{0,40})?<\|message\|>|(?<=thought)\n)"
    r"|(?P<token><\|(?:end|return|call|im_end|eot_id|eom_id|endoftext|end_of_text)\|>|<channel\|>"
    r"|<\|start\|>\s?assistant\s?(?:<\|message\|>)?)"
    # Blocks that user interfaces fold.
    r"|(?P<fold><details\s[^>\n]{0,200}reasoning[^>\n]{0,200}>)|(?P<unfold></details>)"
    rf"|{_LEFT}(?:(?P<close>/\s?(?:{_NAME})|{_END}(?:{_NAME})|(?:{_NAME})[ _▁-]?(?:end|stop)|inner_suffix)"
    rf"|(?P<empty>(?:{_NAME})\s?/)"
    rf"|(?P<open>(?:{_BEGIN})?(?:{_NAME})(?:[ _▁-]?(?:start|begin))?){_ATTRIBUTES}"
    rf"|(?P<answer_end>/\s?(?:{_ANSWER})|{_END}(?:{_ANSWER}))"
    rf"|(?P<answer>(?:{_BEGIN})?(?:{_ANSWER}))){_RIGHT}",
    re.IGNORECASE,
)
"""One mark. Its group says what it does: begin or end thinking, begin or end the answer, or nothing."""

TRIGGER = re.compile(r"[<\[◁【⟨«]")
"""How a mark begins."""

_PARTIAL = re.compile(
    r"<\|(?:start|channel)[^\n]{0,180}\n?|<details\s[^>\n]{0,400}|<[|\uff5c]?\s?/?\s?[\w:▁-]{0,48}\s?[/|\uff5c]?"
    rf"|<[|\uff5c]?\s?{_NAME}\s[^<>\[\]\n]{{0,120}}|[\[◁【⟨«]\s?/?\s?(?P<word>[\w:▁ -]{{0,48}})",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"<\|start\|>\s?assistant\s?<(?:\|(?:[a-z]{0,7}\|?|channel\|?>[^\n]{0,180}\n?))?", re.IGNORECASE
)
_FIRST_WORDS: tuple[str, ...] = (
    *("think", "thought", "reason", "reflect", "analysis", "scratch", "cot", "rationale", "inner", "internal"),
    *("monologue", "ant", "chain", "deliberation", "self", "plan", "brainstorm", "思考", "推理"),
    *("begin", "start", "end", "final"),
    *("answer", "response", "output", "solution", "result", "box"),
)


def may_be_mark(text: str) -> bool:
    """Whether the text may be the beginning of a mark."""
    found = _PARTIAL.fullmatch(text)
    if found is None or found["word"] is None:
        return found is not None
    word = found["word"].casefold()
    return any(word.startswith(first) or first.startswith(word) for first in _FIRST_WORDS)


def may_become_another(mark: re.Match[str]) -> bool:
    """Whether a mark at the end of its text, with the beginning of another behind it, may be one mark with that."""
    return mark["token"] is not None and _UNFINISHED.fullmatch(mark.string, mark.start()) is not None


_QUOTES = frozenset("`'\"“”\u2018’„\u201a«»()")
_SPACES = " \t"


def is_mention(before: str, after: str) -> bool:
    """Whether a mark between these texts is only written about: it is quoted, or stands inside a sentence."""
    if before[-1:] in _QUOTES or after[:1] in _QUOTES:
        return bool(before[-1:] or after[:1])
    word = before.rstrip(_SPACES)[-1:]
    return before[-1:] in _SPACES and before != "" and (word.isalnum() or word == ",") and after[:1] in " .,;:"


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
    return beginning.lstrip().casefold()[:_MAX_TALK] in _TALK_BEGINNINGS


def is_talk(beginning: str) -> bool:
    """Whether a text begins as models think aloud."""
    return beginning.lstrip().casefold().startswith(_TALK)


def is_about_user(text: str) -> bool:
    """Whether the beginning of a text speaks about the user, as no answer does."""
    return _ABOUT_USER.search(text[:200]) is not None


_Cut = Callable[[str], str | None]


def _between(begin: str, end: str) -> _Cut:
    begins, ends = re.compile(begin, re.IGNORECASE), re.compile(end, re.IGNORECASE | re.MULTILINE)

    def cut(text: str) -> str | None:
        found = begins.match(text)
        answer = ends.search(text, found.end()) if found else None
        return text[answer.end() :].lstrip() if answer else None

    return cut


_SOFT_MARKS: tuple[_Cut, ...] = (
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
    _between(r"\s*\*{0,2}thinking(?:\.\.\.|…)\*{0,2}\s*\n+(?:>[^\n]*\n+)+", r"(?=[^>\s])"),
)
"""Words that mark thinking only if both of the pair are there."""


def cut_soft_marks(text: str) -> str | None:
    """Return the answer behind thinking that is marked by words; None if there is no such pair."""
    return next(filter(None, (cut(text) for cut in _SOFT_MARKS)), None)
