"""Thinking marks: how models mark their thinking, as tables."""

import re
from collections.abc import Iterator

_WORDS = (
    *(
        "think(?:ing)?",
        "deep[ _-]?think(?:ing)?",
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
    *("denk(?:en|proces)", "nachdenken", "gedanken(?:gang)?", "überlegung(?:en)?", "redenering", "tankar", "tanker"),
    *("pensamientos?", "razonamiento", "pensées?", "réflexions?", "raisonnement", "pensier[oi]", "ragionamento"),
    *("pensamentos?", "raciocínio", "gândire", "myśl(?:i|enie)", "rozumowanie", "düşünce(?:ler)?", "pemikiran"),
    *("мысли", "размышлени[ея]", "рассуждени[ея]", "думки", "роздуми", "suy_?(?:nghĩ|luận)", "(?:ال)?تفكير", "विचार"),
    *("思考(?:过程|過程)?", "思维", "思索", "推理", "推論", "考え", "생각", "추론", "사고(?:_?과정)?", "ความคิด"),
)
NAME = rf"(?:\w{{1,16}}:)?(?:{'|'.join(_WORDS)})(?:[ _▁-]?(?:process|content|block|trace))?"
_ANSWER = r"(?:final[ _-]?)?(?:answer|response|output|solution|result|box)|final"
_BEGIN, _END = r"(?:begin|start)[ _▁-]?(?:of[ _▁-]?)?", r"end[ _▁-]?(?:of[ _▁-]?)?"
_LEFT, _RIGHT = r"(?:<[|\uff5c]?|&lt;|\[|◁|【|⟨|«)\s?", r"\s?(?:[|\uff5c]?>|&gt;|\](?![(\[:])|▷|】|⟩|»)"
_ATTRIBUTES = r"(?:\s[^<>\[\]\n]{0,120})?"
# The tokens of chat templates that end a turn, and those that begin one, of which some name the speaker.
_END_OF_TURN = (
    r"<\|(?:end|return|call|im_end|eot_id|eom_id|eot|end_?of_?turn(?:_token)?|endoftext|end_of_text|end_of_sentence)\|>"
    r"|<end_of_turn>|<turn\|>|<eos>|</s>|<\uff5cend[▁_]of[▁_]sentence\uff5c>"
)
_BEGIN_OF_TURN = (
    r"(?:<\|im_start\|>|<start_of_turn>|<\|turn>)\w{1,20}"
    r"|<\|(?:start_header_id|header_start|start_of_role)\|>\w{1,20}<\|(?:end_header_id|header_end|end_of_role)\|>"
    r"|<[|\uff5c](?:user|assistant|system|start_of_turn_token|(?:user|chatbot|system)_token|begin[▁_]of[▁_]sentence"
    r"|begin_of_text)[|\uff5c]>|\[/?INST\]"
)

MARK = re.compile(
    # Messages with channels, as of gpt-oss and Gemma; `final` is the answer.
    r"(?:<\|start\|>\s?assistant\s?)?<\|channel\|?>\s?(?P<channel>\w{1,20})"
    r"(?:[^<\n]{0,80}(?:<\|constrain\|>[^<\n]{0,40})?<\|message\|>|(?<=thought)\n)"
    r"|(?P<final>(?:<\|begin\|>\s?assistant\s?)?<\|content\|>)"
    r"|(?P<token><channel\|>|<\|start\|>\s?assistant\s?(?:<\|message\|>)?)"
    rf"|(?P<end>{_END_OF_TURN})|(?P<turn>{_BEGIN_OF_TURN})|(?P<strike><s>)"
    # Blocks that user interfaces fold.
    r"|(?P<fold><details\s[^>\n]{0,200}reasoning[^>\n]{0,200}>)|(?P<unfold></details>)"
    rf"|{_LEFT}(?:(?P<close>\\?/\s?(?:{NAME})|{_END}(?:{NAME})|(?:{NAME})[ _▁-]?(?:end|stop)|inner_suffix|unused17)"
    rf"|(?P<empty>(?:{NAME})\s?/)"
    rf"|(?P<open>(?:{_BEGIN})?(?:{NAME})(?:[ _▁-]?(?:start|begin))?|unused16){_ATTRIBUTES}"
    rf"|(?P<answer_end>/\s?(?:{_ANSWER})|{_END}(?:{_ANSWER}))"
    rf"|(?P<answer>(?:{_BEGIN})?(?:{_ANSWER}))){_RIGHT}",
    re.IGNORECASE,
)
"""One mark. Its group says what it does: begin or end thinking, begin or end the answer or a turn, or nothing."""

_TRIGGER = re.compile(r"[<\[◁【⟨«](?=\s?[|\uff5c]?\s?\\?/?\s?(?:[^\W\d]|\Z))|&(?=l|\Z)")
"""How a mark begins."""
_TRIGGERS = "<[◁【⟨«&"
_SHORT = 64


def has_trigger(text: str) -> bool:
    """Whether a mark may begin in the text."""
    # In a long text, to look for each of the characters is ten times as fast.
    return (len(text) <= _SHORT or any(map(text.__contains__, _TRIGGERS))) and _TRIGGER.search(text) is not None


_LETTERS = r"\w:▁\u0900-\u0e4f"  # with the vowel signs of Indian scripts and Thai, which are no letters to a regex
_PARTIAL = re.compile(
    r"<\|(?:start|channel|begin|header_start)[^\n]{0,180}\n?|<details\s[^>\n]{0,400}"
    r"|<(?:\|im_start\||\|turn|start_of_turn)>\w{0,20}"
    rf"|<[|\uff5c]?\s?\\?/?\s?[{_LETTERS}-]{{0,48}}\s?[/|\uff5c]?"
    rf"|&(?:l(?:t(?:;\s?\\?/?\s?[{_LETTERS}-]{{0,48}}\s?(?:&(?:gt?)?)?)?)?)?"
    rf"|(?:<[|\uff5c]?|&lt;)\s?{NAME}\s[^<>\[\]\n]{{0,120}}"
    rf"|[\[◁【⟨«]\s?\\?/?\s?(?P<word>[{_LETTERS} -]{{0,48}})",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"<\|start\|>\s?assistant\s?<(?:\|(?:[a-z]{0,7}\|?|channel\|?>[^\n]{0,180}\n?))?", re.IGNORECASE
)
_FIRST_WORDS: tuple[str, ...] = (
    *(re.split(r"[(\[_]", word)[0] for word in _WORDS if not word.startswith("(")),
    *("inner", "internal", "chain", "self", "تفكير", "suy", "tank", "unused", "inst"),
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


def find_marks(text: str, *, final: bool) -> Iterator[tuple[int, re.Match[str] | None]]:
    """Yield where marks start, with the mark; None is for the last one, if only more of the text tells what it is."""
    found = _TRIGGER.search(text) if has_trigger(text) else None
    while found:
        start = found.start()
        mark = MARK.match(text, start)
        # What follows a mark decides whether it is one.
        if mark and (final or (mark.end() < len(text) and not may_become_another(mark))):
            yield start, mark
            found = _TRIGGER.search(text, mark.end())
        elif not final and (mark or may_be_mark(text[start : start + 500])):
            yield start, None
            return
        else:
            found = _TRIGGER.search(text, start + 1)


_BARS = ("<|", "<\uff5c")
_FINAL = re.compile(r"\[\s?(?:begin|start)[ _](?:of[ _])?final", re.IGNORECASE)


def is_token(mark: re.Match[str]) -> bool:
    """Whether a mark is written as special tokens are."""
    return mark[0].startswith(_BARS)


def begins_final_answer(mark: re.Match[str]) -> bool:
    """Whether a mark announces the final answer, as nothing else does: "[BEGIN FINAL RESPONSE]"."""
    return _FINAL.match(mark[0]) is not None
