"""Answers that come too late, whole or streamed, and how the next attempt asks, over real HTTP."""

import pytest

from aether.errors import AetherError, ModelUnreachableError
from tests.scripted_model import NAMED, Action, HttpError, Rule, ScriptedModel
from tests.service.chat_factory import MESSAGES, OUTLINE_MESSAGES, open_chat


@pytest.mark.parametrize("action", [NAMED["hang-body"], NAMED["hang"], HttpError(status=504)])
async def test_after_a_stream_that_stopped_the_next_attempt_asks_for_a_whole_answer(action: Action) -> None:
    async with ScriptedModel() as model, open_chat(model, AETHER_MODEL_READ_TIMEOUT="0.5") as chat:
        model.add(Rule(do=action), when=lambda call: call.stream)
        with pytest.raises(AetherError):
            await chat.complete(MESSAGES, on_text=len)
        reply = await chat.complete(MESSAGES, on_text=len)

        assert [call.stream for call in model.calls()] == [True, False]
    assert reply.text


async def test_after_a_whole_answer_that_came_too_late_as_well_the_next_attempt_streams_again() -> None:
    rules = [Rule(times=2, do=NAMED["hang"])]
    async with ScriptedModel(rules=rules) as model, open_chat(model, AETHER_MODEL_READ_TIMEOUT="0.5") as chat:
        for _ in range(2):
            with pytest.raises(ModelUnreachableError):
                await chat.complete(MESSAGES, on_text=len)
        await chat.complete(MESSAGES, on_text=len)

        assert [call.stream for call in model.calls()] == [True, False, True]


async def test_one_stream_that_stopped_does_not_cost_the_streams_of_other_prompts() -> None:
    rules = [Rule(times=1, do=NAMED["hang-body"])]
    async with ScriptedModel(rules=rules) as model, open_chat(model, AETHER_MODEL_READ_TIMEOUT="0.5") as chat:
        with pytest.raises(ModelUnreachableError):
            await chat.complete(MESSAGES, on_text=len)
        await chat.complete(OUTLINE_MESSAGES, on_text=len)
        await chat.complete(MESSAGES, on_text=len)
        await chat.complete(MESSAGES, on_text=len)

        assert [call.stream for call in model.calls()] == [True, True, False, True]
