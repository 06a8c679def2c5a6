import json

import pytest

from aether.adapters.openai.completions import parse_completion
from aether.domain.job import Usage


@pytest.mark.parametrize(
    ("reported", "expected"),
    [("12", 12), ("12.0", 12), ("null", 0), ("0", 0), ("-5", 0), ("1e308", 2**40), ("9" * 30, 2**40)],
)
def test_reported_tokens_become_a_number_that_can_be_added_up(reported: str, expected: int) -> None:
    completion = json.dumps({"choices": [{"message": {"content": "Rome"}}], "usage": {"prompt_tokens": "REPORTED"}})

    reply = parse_completion(completion.replace('"REPORTED"', reported).encode())

    assert Usage(1, expected, 0) == reply.usage
