import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aether.domain.plain_text import clean
from aether.workflows.llm.preview import Preview
from aether.workflows.llm.prompt_fence import escape, fence, unescape

PROMPTS = [fence("topic", "Vec<T> and &lt;"), "Write."]
PIECES = st.lists(
    st.sampled_from(["&", "&l", "t;", "&lt;", "amp;", "&amp;", "&amp;lt;", "lt;", "a", "\r", "\n", "\x1b", "\x00", " "])
    | st.text(max_size=4)
)


def shown(pieces: list[str], prompts: list[str] = PROMPTS, max_length: int = 10_000) -> list[str]:
    """What a reader sees piece by piece."""
    seen: list[str] = []
    preview = Preview(prompts, max_length, seen.append)
    for piece in pieces:
        preview.feed(piece)
    preview.end()
    return seen


@pytest.mark.parametrize("at", range(1, len("a Vec&lt;T>")))
def test_an_escape_is_undone_wherever_it_is_split(at: int) -> None:
    text = "a Vec&lt;T>"

    assert "".join(shown([text[:at], text[at:]])) == "a Vec<T>"


def test_pieces_are_shown_as_they_come() -> None:
    assert shown(["a & b", " AT&T ", "x &l", "t; y &lt", " z", "&"]) == ["a & b", " AT&T ", "x ", "< y ", "&lt z", "&"]


@given(PIECES)
@example(["&amp;", "lt;", "&amp;amp;", "lt;", "&"])
@example(["a\r", "\nb\r", "c\r"])
def test_all_pieces_together_are_the_text(pieces: list[str]) -> None:
    seen = shown(pieces)

    assert "".join(seen) == clean(unescape("".join(pieces), PROMPTS))
    assert all(seen)


@given(st.text(), st.integers(1, 5))
def test_a_copied_text_is_shown_as_the_caller_wrote_it(text: str, size: int) -> None:
    copy = escape(text)
    pieces = [copy[at : at + size] for at in range(0, len(copy), size)]

    assert "".join(shown(pieces, [fence("topic", text)])) == clean(text)


def test_without_an_escape_in_the_prompt_nothing_is_held_back() -> None:
    assert shown(["&", "lt;", "&am", "p;"], ["Write."]) == ["&", "lt;", "&am", "p;"]


@pytest.mark.parametrize("copies", [1, 5])
def test_the_rest_of_a_text_that_is_too_long_is_not_shown(copies: int) -> None:
    assert "".join(shown(["abcd"] * copies, max_length=4)) == "abcd"
