import pytest

from aether.workflows.llm.ports import Message
from aether.workflows.llm.token_estimate import estimate_call_tokens, estimate_max_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("abc", 1), ("wash hands", 4), ("Ärzte", 2), ("洗手二十秒", 5), ("12.5", 4), ("\n- a", 3)],
)
def test_the_tokens_of_a_text_are_estimated_high(text: str, tokens: int) -> None:
    assert tokens == estimate_max_tokens(text)


def test_a_call_costs_its_prompt_and_its_answer() -> None:
    assert estimate_call_tokens([Message("system", "a" * 40), Message("user", "b" * 60)], words=300) == 25 + 400
