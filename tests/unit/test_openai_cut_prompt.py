import pytest

from aether.adapters.openai.cut_prompt import describe_cut
from aether.domain.job import Usage
from aether.workflows.llm.ports import Message

PROSE = "The senate and the people of Rome built roads, aqueducts and walls. " * 100


@pytest.mark.parametrize(
    ("text", "tokens", "is_cut"),
    [
        (PROSE, 200, True),
        (PROSE, 800, True),
        (PROSE, 1_500, False),
        (PROSE, 50, False),  # no context is as small: the number is made up
        (PROSE, 0, False),
        (PROSE[:800], 20, False),
        ("a" * 6_000, 750, False),
        ("= " * 3_000, 200, True),
        ("\n" * 6_000, 100, False),
        ("羅馬人建造了道路。" * 500, 100, True),
    ],
)
def test_a_prompt_of_which_far_too_little_was_read_is_told(text: str, tokens: int, is_cut: object) -> None:
    warning = describe_cut([Message("system", ""), Message("user", text)], Usage(1, tokens, 5))

    assert (warning is not None) is is_cut


def test_the_warning_says_what_to_do() -> None:
    warning = describe_cut([Message("user", PROSE)], Usage(1, 200, 5))

    assert warning is not None
    assert "read only 200 tokens of a prompt of about 1700" in warning
    assert "AETHER_MODEL_CONTEXT" in warning
