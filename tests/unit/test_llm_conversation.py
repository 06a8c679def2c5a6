from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from aether.domain.job import Usage
from aether.durable.token_budget import TokenMeter, use_meter
from aether.errors import UnusableOutputError
from aether.workflows.llm.conversation import Conversation
from aether.workflows.llm.follow_up_prompts import continuation, repair
from aether.workflows.llm.ports import Form, Message, Reply
from aether.workflows.llm.prompt_fence import fence
from aether.workflows.llm.text_bound import current_text_bound
from tests.scripted_chat import ScriptedChat, cut_off

WORDS = 10
PROMPT = [Message("user", "Write.")]
ENOUGH = "This sentence has eight words and an end."
FORM = Form("thing", {"type": "object"}, '{"thing": …}')


def conversation(chat: ScriptedChat) -> Conversation:
    return Conversation(chat, WORDS)


async def test_a_text_that_is_long_enough_ends_with_its_last_sentence() -> None:
    chat = ScriptedChat(cut_off(f"{ENOUGH} And th"))

    assert await conversation(chat).text(PROMPT) == ENOUGH
    assert len(chat.calls) == 1


async def test_of_a_whole_text_no_sentence_is_lost_however_long_it_is() -> None:
    chat = ScriptedChat(cut_off(f"{ENOUGH} And th"), cut_off("And this is more. So is th"), "So is this.")

    assert await conversation(chat).text(PROMPT, whole=True) == f"{ENOUGH} And this is more. So is this."

    _, second, third = (call.messages for call in chat.calls)
    assert second == (*PROMPT, Message("assistant", ENOUGH), continuation(whole=True))
    assert third[-2:] == (Message("assistant", f"{ENOUGH} And this is more."), continuation(whole=True))


@pytest.mark.parametrize("whole", [False, True])
async def test_a_short_text_is_continued(*, whole: bool) -> None:
    chat = ScriptedChat(cut_off("One. Tw"), "Two.")

    assert await conversation(chat).text(PROMPT, whole=whole) == "One. Two."
    assert chat.calls[1].messages[-1] == continuation(whole=whole)


@pytest.mark.parametrize("whole", [False, True])
async def test_a_text_that_was_not_cut_off_stays_as_it_is(*, whole: bool) -> None:
    chat = ScriptedChat("Without an end")

    assert await conversation(chat).text(PROMPT, whole=whole) == "Without an end"


async def test_after_three_continuations_a_text_ends_with_its_last_sentence() -> None:
    chat = ScriptedChat(*(cut_off(f"{word}. And") for word in ("One", "Two", "Three", "Four", "Five")))

    assert await conversation(chat).text(PROMPT) == "One. Two. Three. Four."
    assert len(chat.calls) == 4


async def test_a_whole_text_without_an_end_is_unusable() -> None:
    chat = ScriptedChat(*(cut_off(f"{word}. And") for word in ("One", "Two", "Three", "Four", "Five")))

    with pytest.raises(UnusableOutputError, match="it was cut off before its end"):
        await conversation(chat).text(PROMPT, whole=True)

    assert len(chat.calls) == 4


@pytest.mark.parametrize("whole", [False, True])
async def test_a_continuation_must_not_be_empty(*, whole: bool) -> None:
    with pytest.raises(UnusableOutputError, match="it was cut off and not continued"):
        await conversation(ScriptedChat(cut_off("One. Tw"), " ")).text(PROMPT, whole=whole)


async def test_a_whole_text_of_which_nothing_came_is_unusable() -> None:
    """A model may use up its length limit on reasoning, and answer nothing."""
    with pytest.raises(UnusableOutputError, match="it was cut off before its end"):
        await conversation(ScriptedChat(cut_off(" \n"))).text(PROMPT, whole=True)


@pytest.mark.parametrize("text", ["", " \n"])
async def test_an_empty_text_is_unusable_only_as_a_whole_text(text: str) -> None:
    assert await conversation(ScriptedChat(text)).text(PROMPT) == text

    with pytest.raises(UnusableOutputError, match="it is empty"):
        await conversation(ScriptedChat(text)).text(PROMPT, whole=True)


def test_only_a_whole_text_is_continued_without_haste() -> None:
    assert "come to an end" in continuation().content
    assert "come to an end" not in continuation(whole=True).content
    assert "leave nothing out" in continuation(whole=True).content


FENCED = [Message("user", fence("topic", "Vec<T>"))]


@pytest.mark.parametrize("whole", [False, True])
async def test_what_a_text_quotes_from_a_fence_comes_without_escapes(*, whole: bool) -> None:
    chat = ScriptedChat(cut_off("Vec&lt;T> is a list. A V"), "A Vec&lt;T> grows.")

    assert await conversation(chat).text(FENCED, whole=whole) == "Vec<T> is a list. A Vec<T> grows."
    assert chat.calls[1].messages[1] == Message("assistant", "Vec&lt;T> is a list.")


async def test_an_escape_may_be_cut_in_two() -> None:
    chat = ScriptedChat(cut_off("A list. Vec&l"), "Vec&lt;T> grows.")

    assert await conversation(chat).text(FENCED) == "A list. Vec<T> grows."


async def test_what_an_answer_in_a_form_quotes_from_a_fence_comes_without_escapes() -> None:
    texts: list[str] = []

    def read(reply: Reply) -> str:
        texts.append(reply.text)
        if len(texts) == 1:
            raise UnusableOutputError("it is no JSON")
        return reply.text

    chat = ScriptedChat("Vec&lt;T>", '{"thing": "Vec&lt;T>"}')

    assert await conversation(chat).structured_output(FENCED, FORM, read) == '{"thing": "Vec<T>"}'
    assert texts[0] == "Vec<T>"
    assert chat.calls[1].messages == (
        *FENCED,
        Message("assistant", "Vec&lt;T>"),
        repair("it is no JSON", '{"thing": …}'),
    )


@pytest.mark.parametrize(
    "text", ["One. " * 100_000, "One.\n" * 100_000, "One.\r\r" * 100_000, f"{ENOUGH}\n" + "one " * 200_000]
)
async def test_a_text_far_longer_than_asked_ends_with_a_sentence_within_its_bound(text: str) -> None:
    with capture_logs() as logs:
        bounded = await conversation(ScriptedChat(text)).text(PROMPT)

    assert text.replace("\r", "\n").startswith(bounded)
    assert bounded.endswith(".")
    assert 0 < len(bounded) <= 20_000
    assert bounded.count("\n") <= 1_000
    assert [entry["event"] for entry in logs] == ["reply.too_long"] * len(logs)
    assert logs


async def test_the_bound_grows_with_the_words_that_are_asked_for() -> None:
    text = "A sentence of five words. " * 4_000

    assert len(await Conversation(ScriptedChat(text), 600).text(PROMPT)) > 80_000
    assert len(await Conversation(ScriptedChat(text), 120).text(PROMPT)) <= 20_000


@pytest.mark.parametrize("text", ["One. " * 100_000, "One.\n" * 2_000])
async def test_a_whole_text_far_longer_than_asked_is_unusable(text: str) -> None:
    chat = ScriptedChat(text)

    with pytest.raises(UnusableOutputError, match="it is more than 20 times longer than asked"):
        await conversation(chat).text(PROMPT, whole=True)

    assert len(chat.calls) == 1


async def test_an_answer_in_a_form_is_read_up_to_its_bound_and_sent_back_no_longer() -> None:
    read: list[str] = []

    def refuse_first(reply: Reply) -> int:
        read.append(reply.text)
        if len(read) == 1:
            raise UnusableOutputError("it is no JSON")
        return len(reply.text)

    chat = ScriptedChat("a" * 1_000_000, "b")

    assert await conversation(chat).structured_output(PROMPT, FORM, refuse_first) == 1
    assert [len(text) for text in read] == [128_000, 1]
    assert len(chat.calls[1].messages[1].content) == 128_000


@pytest.mark.parametrize("empty", ["", " \n\t", "\u200b\ufeff", "\x00"])
async def test_an_empty_answer_in_a_form_cannot_be_repaired(empty: str) -> None:
    chat = ScriptedChat(empty)

    with pytest.raises(UnusableOutputError, match="it is empty"):
        await conversation(chat).structured_output(PROMPT, FORM, lambda reply: reply.text)
    assert len(chat.calls) == 1


@pytest.mark.parametrize("whole", [False, True])
async def test_texts_have_no_control_characters(*, whole: bool) -> None:
    chat = ScriptedChat("One\x00 is\x1b[31m here.\r\nTwo\x07.\u2028\tThree\ud83c.")

    assert await conversation(chat).text(PROMPT, whole=whole) == "One is[31m here.\nTwo.\n\tThree\ufffd."


async def test_texts_have_no_characters_that_change_their_direction() -> None:
    chat = ScriptedChat("Pay \u202e100\u202c to \u2067Rome\u2069.")

    assert await conversation(chat).text(PROMPT) == "Pay 100 to Rome."


class BoundedChat(ScriptedChat):
    """Notes the bound of each call, and reads no more of a text, as the adapter does."""

    async def complete(self, *args: Any, **options: Any) -> Reply:  # Any: passed on
        reply = await super().complete(*args, **options)
        self.bounds = [*getattr(self, "bounds", []), current_text_bound()]
        bound = self.bounds[-1]
        return reply if bound is None else msgspec.structs.replace(reply, text=reply.text[:bound])


@pytest.mark.parametrize("preview", [False, True])
async def test_a_call_knows_how_much_of_a_text_is_read(*, preview: bool) -> None:
    chat = BoundedChat("One. " * 100_000)

    text = await conversation(chat).text(PROMPT, preview=preview)

    assert (text[-4:], len(text), chat.bounds) == ("One.", 19_999, [20_001])
    with pytest.raises(UnusableOutputError, match="20 times longer"):
        await conversation(BoundedChat("One. " * 100_000)).text(PROMPT, whole=True)
    assert current_text_bound() is None


async def test_an_answer_in_a_form_has_no_bound() -> None:
    chat = BoundedChat("{}")

    await conversation(chat).structured_output(PROMPT, FORM, lambda reply: reply.text)

    assert chat.bounds == [None]


async def test_an_answer_with_a_defect_is_unusable_and_paid_for() -> None:
    meter = TokenMeter()
    chat = ScriptedChat(Reply("Rome was", cut_off=False, usage=Usage(1, 7, 3), defect="the server broke it off"))

    with use_meter(meter), pytest.raises(UnusableOutputError, match="the server broke it off"):
        await conversation(chat).text(PROMPT)
    assert meter.usage == Usage(1, 7, 3)


async def test_a_warning_about_an_answer_is_kept_for_the_record() -> None:
    meter = TokenMeter()
    reply = Reply(ENOUGH, cut_off=False, usage=Usage(1), warning="The prompt was cut.")

    with use_meter(meter):
        for _ in range(2):
            await conversation(ScriptedChat(reply)).text(PROMPT)
    assert meter.warnings == ("The prompt was cut.",)
