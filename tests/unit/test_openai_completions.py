import json

import pytest

from aether.adapters.openai.completions import whole
from aether.domain.job import Usage


@pytest.mark.parametrize(
    ("told", "expected"),
    [("12", 12), ("12.0", 12), ("null", 0), ("0", 0), ("-5", 0), ("1e308", 2**40), ("9" * 30, 2**40)],
)
def test_what_a_call_cost_is_a_number_that_can_be_added_up(told: str, expected: int) -> None:
    completion = json.dumps({"choices": [{"message": {"content": "Rome"}}], "usage": {"prompt_tokens": "TOLD"}})

    reply = whole(completion.replace('"TOLD"', told).encode())

    assert Usage(1, expected, 0) == reply.usage
