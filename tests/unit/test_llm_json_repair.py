import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.workflows.llm.json_repair import bounded_answer, json_values

LONG = "word " * 200_000


@pytest.mark.parametrize(
    "text", [LONG, "\\" * 400_000, '\\"' * 3_000 + LONG, '"' * 3_000 + LONG, "\u00e9\n" * 400_000, "…" * 10**6]
)
def test_of_an_answer_with_a_very_long_text_the_rest_is_read(text: str) -> None:
    answer = f"Sure: {json.dumps([{'title': 'Origins', 'covers': text}, {'title': 'Fall'}])}"

    bounded = bounded_answer(answer, 128_000)

    [found] = [found.value for found in json_values(bounded) if isinstance(found.value, list)]
    assert isinstance(found, list)
    assert [section["title"] for section in found] == ["Origins", "Fall"]
    assert text.startswith(found[0]["covers"])
    assert len(bounded) < 3_000


@pytest.mark.parametrize(
    "answer", ["- a\n" * 100_000, '"' * 300_000, "[" * 300_000, '{"a":' * 100_000, '"a", ' * 100_000]
)
def test_an_answer_without_long_texts_is_cut(answer: str) -> None:
    assert bounded_answer(answer, 128_000) == answer[:128_000]


@given(st.text(alphabet=st.sampled_from('"\\a, []{}')), st.integers(1, 50))
def test_short_texts_stay(answer: str, max_length: int) -> None:
    assert bounded_answer(answer, max_length) == answer[:max_length]
