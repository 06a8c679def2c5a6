import pytest

from aether.errors import UnknownModelError
from aether.workflows.llm.model_choice import ModelChoice
from aether.workflows.llm.ports import Form, Message
from tests.scripted_chat import ScriptedChat

MESSAGES = (Message("user", "Hello"),)
FORM = Form("outline", {}, "")


@pytest.mark.parametrize("model", [None, "small", "large"])
async def test_a_model_that_is_offered_is_called(model: str | None) -> None:
    chat, pieces = ScriptedChat("Hi.", "{}"), list[str]()
    choice = ModelChoice(chat, ["small", "large"])

    replies = [await choice.complete(MESSAGES, model=model, on_text=pieces.append)]
    replies += [await choice.complete(MESSAGES, model=model, form=FORM)]

    assert [reply.text for reply in replies] == ["Hi.", "{}"]
    assert [(call.messages, call.model, call.form) for call in chat.calls] == [
        (MESSAGES, model, None),
        (MESSAGES, model, FORM),
    ]
    assert "".join(pieces) == "Hi."


@pytest.mark.parametrize("model", ["nosuch", "Small", "small ", "small,large", ""])
async def test_another_model_is_refused_without_a_call(model: str) -> None:
    chat = ScriptedChat()

    with pytest.raises(UnknownModelError) as refused:
        await ModelChoice(chat, ["small", "large"]).complete(MESSAGES, model=model)

    assert str(refused.value) == f"There is no model {model} here. Choose small or large, or name none."
    assert chat.calls == []
