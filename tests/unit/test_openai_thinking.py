import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aether.adapters.openai.thinking import ThinkingFilter

MARKS = (
    *("<think>", "</think>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷", "<|channel|>analysis<|message|>", "<|end|>"),
    *("<|start|>assistant<|channel|>final<|message|>", "<answer>", "</answer>", "<", "[", "think>", "</", " ", "\n\n"),
    *("Rome", "Okay, the user", "é", ".", "`", "```", "analysis", "assistantfinal", '<details type="reasoning">'),
)
TEXTS = st.lists(st.sampled_from(MARKS) | st.text(max_size=5), max_size=14).map("".join)

MARKED = {
    "a tag": "<think>Hm.</think>\n\nRome",
    "only the end of a tag": "The user wants 250 words, so I plan.\n</think>\n\nRome",
    "only the end, in the line": "I plan.</think>Rome",
    "an empty tag": "<think>\n\n</think>\n\nRome",
    "a closed tag": "<think/>Rome",
    "small letters and capitals": "<THINK>a</Think>Rome",
    "an attribute": '<think effort="low">a</think>Rome',
    "thinking": "<thinking>a</thinking>Rome",
    "thought": "<thought>\na\n</thought>\nRome",
    "reasoning": "<reasoning>\na\n</reasoning>\nRome",
    "reflection": "<reflection>a</reflection>Rome",
    "scratchpad": "<scratchpad>a</scratchpad>Rome",
    "a name space": "<seed:think>a</seed:think>Rome",
    "tags that do not match": "<think>a</thinking>Rome",
    "nested tags": "<think>a <think>b</think> c</think>Rome",
    "two thoughts": "<think>a</think>\n<think>b</think>Rome",
    "brackets": "[THINK]a[/THINK]Rome",
    "triangles": "◁think▷a◁/think▷Rome",
    "Chinese brackets": "【思考】a【/思考】Rome",
    "bars": "<|think|>a<|/think|>Rome",
    "begin and end": "<|begin_of_thought|>a<|end_of_thought|>\n\n<|begin_of_solution|>Rome<|end_of_solution|>",
    "start and end": "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>Rome<|END_RESPONSE|>",
    "wide bars": "<\uff5cbegin▁of▁thinking\uff5c>a<\uff5cend▁of▁thinking\uff5c>Rome",
    "an answer tag": "<think>a</think>\n<answer>Rome</answer>",
    "an answer tag that ends the thought": "<think>plan\n<answer>Rome</answer>",
    "channels": "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Rome<|return|>",
    "channels without the first": "a plan<|end|><|start|>assistant<|channel|>final<|message|>Rome",
    "three channels": "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b<|end|>"
    "<|start|>assistant<|channel|>final <|constrain|>json<|message|>Rome",
    "channels without special tokens": "analysisWe need to write.assistantfinalRome",
    "channels of Gemma": "<|channel>thought\nplan\n<channel|>Rome",
    "words": "Here is my thought process: a\n\nHere is my response:\nRome",
    "headings": "**Thinking:** a\n\n**Answer:** Rome",
    "headings without colons": "## Thinking\nI plan.\n\n## Final answer\nRome",
    "a quotation about the user": "> Okay, the user wants Rome.\n> Let me plan.\n\nRome",
    "deep thinking": "<deep_think>I plan.</deep_think>Rome",
    "a quotation": "*Thinking...*\n\n> The user\n> wants Rome.\n\nRome",
    "a folded block": '<details type="reasoning" done="true">\n<summary>Thought</summary>\n> a\n</details>\nRome',
    "a block in the middle": "Rome\n<think>\na\n</think>\n",
    "talk before the tag": "Okay, let me see.\n<think>a</think>\nRome",
    "an end token": "Rome<|im_end|>",
    "steps before a final response": "Here are my reasoning steps:\nI plan.\n[BEGIN FINAL RESPONSE]\nRome\n"
    "[END FINAL RESPONSE]",
    "a final response in the line": "I plan. [BEGIN FINAL RESPONSE] Rome [END FINAL RESPONSE]\n<|end|>",
    "a final answer in a thought": "<think>I plan. [BEGIN FINAL ANSWER]Rome[END FINAL ANSWER]",
    "unused tokens": "[unused16]I plan.[unused17]Rome",
    "escaped tags": "&lt;think&gt;I plan.&lt;/think&gt;\n\nRome",
    "tags escaped in part": "&lt;think>I plan.&lt;/think>\n\nRome",
    "the end of an escaped tag": "The user wants 250 words.\n&lt;/think&gt;\nRome",
    "a fence": "```thinking\nI plan.\n```\n\nRome",
    "a fence of tildes": "~~~ thought\nI plan.\n~~~\nRome",
    "a comment": "<!-- thinking: I plan.\nThen I write. -->\nRome",
    "an escaped slash": "<think>I plan.<\\/think>\nRome",
    "a message of Solar": "<|think|>I plan.<|end|><|begin|>assistant<|content|>Rome<|end|>",
    "a message of Solar without its beginning": "I plan.<|end|><|begin|>assistant<|content|>Rome<|end|>",
    "a block at the end": "Rome.\n<think>\nIs that enough?",
    "a block at the end without text": "“Rome.”\n\n<think>\n",
} | {
    f"in another language: {name}": f"{left}{name}{right}I plan.{left}/{name}{right}\nRome"
    for name, left, right in (
        *(("denken", "<", ">"), ("Gedanken", "[", "]"), ("pensamiento", "<", ">"), ("pensée", "<", ">")),
        *(("réflexion", "«", "»"), ("мысли", "<", ">"), ("рассуждение", "<", ">"), ("생각", "<", ">")),
        *(
            ("추론", "【", "】"),
            ("思索", "<", ">"),
            ("推論", "【", "】"),
            ("pensamento", "<", ">"),
            ("pensiero", "[", "]"),
        ),
        *(
            ("pensiero", "[", "]"),
            ("düşünce", "<", ">"),
            ("تفكير", "<", ">"),
            ("विचार", "<", ">"),
            ("myśli", "<|", "|>"),
        ),
    )
}
TURNS = {
    "an end and another turn": "Rome<|im_end|>\n<|im_start|>user\nWrite more about Rome.",
    "the same again": "Rome<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nRome",
    "a header": "<|start_header_id|>assistant<|end_header_id|>\n\nRome<|eot_id|>",
    "ChatML": "<|im_start|>assistant\nRome<|im_end|>",
    "a turn without an end before it": "Rome\n<|im_start|>user\nMore.",
    "Mistral": "[/INST] Rome</s>",
    "Mistral goes on": "Rome</s>[INST] More. [/INST] Greece</s>",
    "Gemma": "<start_of_turn>model\nRome<end_of_turn>\n<start_of_turn>user\nMore.",
    "Llama 4": "<|header_start|>assistant<|header_end|>\n\nRome<|eot|>",
    "Granite": "<|start_of_role|>assistant<|end_of_role|>Rome<|end_of_text|>",
    "Phi": "<|assistant|>Rome<|end|><|user|>More.",
    "Cohere": "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>Rome<|END_OF_TURN_TOKEN|>",
    "DeepSeek": "<\uff5cAssistant\uff5c>Rome<\uff5cend▁of▁sentence\uff5c><\uff5cUser\uff5c>More.",
    "a speaker on a line": "assistant\n\nRome",
    "a speaker with a capital letter": "Assistant\nRome",
    "a speaker of Gemma": "model\nRome",
    "a speaker in the line": "Assistant: Rome",
    "a speaker in bold": "**Assistant:** Rome",
    "a speaker before thinking": "assistant\n<think>I plan.</think>Rome",
    "a speaker behind thinking": "<think>I plan.</think>assistant\n\nRome",
    "an answer in a tag": "<answer>\nRome\n</answer>",
    "an answer in a tag and a remark": "<answer>Rome</answer>\n<|im_end|> Is that enough?",
    "a solution": "<solution>Rome</solution>",
    "a box": "<|begin_of_box|>Rome<|end_of_box|>",
}
"""Texts with the markup of chat templates and of answers, and without thinking."""
UNMARKED = (
    "Write <think> first.",
    "Models write the </think> tag at the end.",
    "Close it with `</think>` at the end.",
    "The end is “</think>”.",
    "Tags such as <think> and </think> are common.",
    "Code:\n```\n<think>\nx\n</think>\n```\nend",
    "Typical tags:\n<think>\nmarks a thought.",
    "[Analysis](https://example.org) of Rome",
    "[1] See the note. <b>Bold</b> and a < b.",
    "Okay, Rome it is.",
    "We need roads, said Appius Claudius.",
    "<details><summary>More</summary>Rome</details>",
    "ChatML ends each turn with <|im_end|>, and begins it with <|im_start|>user or the like.",
    "The token `<|eot_id|>` ends a turn; so does “<|im_end|>”, or (</s>).",
    "It wraps prompts: `[INST] Write. [/INST] Sure.</s>` and `<start_of_turn>model`.",
    "```\n<|im_start|>user\nHi.<|im_end|>\n<|im_start|>assistant\n```\n\nThat is ChatML.",
    "- <|im_end|>\n- <|eot_id|>\n\n| <|end|> | the end |",
    "<|im_end|> is a token of ChatML.",
    "The price was <s>100</s> 90 sesterces.",
    "Apriel writes [BEGIN FINAL RESPONSE] and then `[END FINAL RESPONSE]`.",
    "Roads & bridges &lt;b&gt; &amp; &l",
    "```python\nprint()\n```\n\nThat prints.",
    "Assistants: who they are.",
    "assistant",
    "Models of the world\n\nRome",
    '{"sections": [{"title": "<|im_end|> in ChatML", "covers": "The token <|im_end|>."}, {"title": "</s>"}]}',
    '{"sections": [{"title": "The </think> tag", "covers": "What \'<think>\' is."}]}',
    "",
    "\n \n",
)


def split(text: str, places: Sequence[int]) -> list[str]:
    at = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(at)]


def read(pieces: Sequence[str], *, cut_off: bool = False, holds: bool = False) -> tuple[ThinkingFilter, str]:
    """Return the filter after all pieces, and what it has passed on."""
    thinking = ThinkingFilter(holds=holds)
    passed = "".join(map(thinking.feed, pieces))
    return thinking, passed + thinking.finish(cut_off=cut_off)


@pytest.mark.parametrize("text", MARKED.values(), ids=MARKED)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_thinking_is_left_out_whatever_marks_it(text: str, size: int) -> None:
    thinking, passed = read([text[at : at + size] for at in range(0, len(text), size)])

    assert thinking.text.strip(" \n.“”") == "Rome"
    assert passed == thinking.text or thinking.is_retracted


@pytest.mark.parametrize("text", TURNS.values(), ids=TURNS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_markup_of_chat_templates_is_left_out_and_what_follows_the_turn_is_dropped(text: str, size: int) -> None:
    thinking, passed = read([text[at : at + size] for at in range(0, len(text), size)])

    assert thinking.text.strip() == "Rome"
    assert passed == thinking.text


@pytest.mark.parametrize(
    "end", ["Rome fell.", "He said: “Rome.”", 'He said: "Rome."', "(Rome)", "**Rome**", "Rome was"]
)
def test_a_token_ends_a_text_whatever_stands_before_it(end: str) -> None:
    thinking, passed = read([f"{end}<|im_end|>\n<|im_start|>user\nMore."])

    assert (thinking.text, passed, thinking.is_over) == (end, end, True)


@pytest.mark.parametrize("text", UNMARKED)
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_a_text_about_marks_stays_as_it_is(text: str, size: int) -> None:
    thinking, passed = read([text[at : at + size] for at in range(0, len(text), size)])

    assert (thinking.text, passed) == (text, text)
    assert not thinking.thoughts


@given(TEXTS, st.lists(st.integers(0, 200)))
@example("<<|channel|>analysis<|message|><|start|>assistant<|channel|>final<|message|>", [50])
@example("<<|channel|>analysis<|message|><|start|>assistant<|channel|>final<|message|>", [61])
def test_the_answer_is_the_same_however_the_text_is_cut(text: str, places: list[int]) -> None:
    whole, _ = read([text])
    thinking, passed = read(split(text, places))

    assert thinking.text == whole.text
    assert passed == thinking.text or thinking.is_retracted


@given(TEXTS)
def test_nothing_is_added_to_a_text(text: str) -> None:
    thinking, _ = read([text])

    assert set(thinking.text.split()) <= set(text.split()) or len(thinking.text) < len(text)


def test_a_text_is_passed_on_as_soon_as_it_is_known_to_be_no_thinking() -> None:
    thinking, passed, steps = ThinkingFilter(), "", []
    for piece in ("\n", "<thi", "nk>Hm. </thi", "nk>", "\n\n", "Rome", " began", " <think>", " late."):
        passed += thinking.feed(piece)
        steps.append(passed)

    assert steps == ["", "", "", "", "", "Rome", "Rome began", "Rome began ", "Rome began <think> late."]


def test_an_answer_that_begins_as_models_think_is_held_back_until_its_end() -> None:
    """Only the mark of the end would tell, and a preview cannot be taken back."""
    thinking = ThinkingFilter()

    assert thinking.feed("The user wants 250 words.") == ""
    assert thinking.finish() == "The user wants 250 words."


def test_the_texts_of_a_model_that_thinks_silently_are_held_back() -> None:
    thinking = ThinkingFilter(holds=True)

    assert thinking.feed("Rome first, then Greece.") == ""
    assert thinking.feed("\n</think>\nRome began.") == "Rome began."


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("<think>Hm", False),
        ("The user wants 250 words, so", False),
        ("First Rome, then", True),
        ("<|channel|>analysis<|message|>We", False),
        ("```thinking\nWe", False),
        ("<!-- thinking: We", False),
        ("Here are my reasoning steps:\nWe", False),
    ],
)
def test_thinking_that_was_cut_off_is_no_answer(text: str, holds: object) -> None:
    thinking, passed = read([text], cut_off=True, holds=bool(holds))

    assert (thinking.text, passed) == ("", "")
    assert thinking.thoughts


@pytest.mark.parametrize(
    ("text", "is_silent"), [(MARKED["only the end of a tag"], True), (MARKED["a tag"], False), ("</think>Rome", False)]
)
def test_it_is_told_when_the_mark_of_the_beginning_was_missing(text: str, is_silent: object) -> None:
    assert read([text])[0].has_silent_thinking is is_silent


def test_what_was_passed_on_too_early_is_not_continued() -> None:
    thinking, passed = read(["Plan Rome.", "\n</think>\nRome began."])

    assert (passed, thinking.text, thinking.is_retracted) == ("Plan Rome.", "Rome began.", True)


HOSTILE = (
    *("<" * 200_000, "[" * 200_000, "<think>" * 30_000, "</think>" * 30_000, "<think>a</think>" * 12_000),
    *("x <think> y " * 20_000, "<a:" * 70_000, "<details reasoning " * 10_000, "<|start" * 30_000, "\n" * 200_000),
    *("<|channel|>analysis<|message|>" * 7_000, "analysisx" + "assistant " * 20_000, "Okay. " * 40_000, "`" * 200_000),
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_a_hostile_text_takes_time_in_proportion_to_its_length(text: str) -> None:
    """It is read in slices of 8,192 characters, and none may hold the event loop."""
    thinking, longest = ThinkingFilter(), 0.0
    began = time.process_time()
    for at in range(0, len(text), 8_192):
        since = time.thread_time()
        thinking.feed(text[at : at + 8_192])
        longest = max(longest, time.thread_time() - since)
    thinking.finish()

    assert time.process_time() - began < 2.0
    assert longest < 0.05
