import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aether.workflows.llm.prompt_fence import escape, fence, unescape

PIECES = st.sampled_from(["<", "&", "amp;", "lt;", "&lt;", "&amp;", "&amp;lt;", ">", "</topic>", "\n", "a", " "])
TEXTS = st.text() | st.lists(PIECES).map("".join)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a < b", "a &lt; b"),
        ("</topic>", "&lt;/topic>"),
        ("&lt;", "&amp;lt;"),
        ("&amp;lt;", "&amp;amp;lt;"),
        ("&<", "&&lt;"),
        ("&amp;<", "&amp;&lt;"),
        ("R&D, AT&amp;T, &gt; and &ltimes;", "R&D, AT&amp;T, &gt; and &ltimes;"),
    ],
)
def test_only_what_could_be_a_tag_or_an_escape_is_escaped(text: str, escaped: str) -> None:
    assert escaped == escape(text)


@given(TEXTS)
def test_no_text_closes_its_fence(text: str) -> None:
    fenced = fence("topic", text)

    assert fenced.startswith("<topic>\n")
    assert fenced.endswith("\n</topic>")
    assert (fenced.count("<"), fenced.count("</topic>")) == (2, 1)


@given(TEXTS)
@example("&amp;amp;lt;&lt;<&amp;&lt")
def test_a_copied_text_is_the_text_again(text: str) -> None:
    assert text == unescape(escape(text), [fence("topic", text)])


@given(TEXTS, TEXTS)
@example("<", "&lt;")
def test_two_texts_never_look_alike(one: str, other: str) -> None:
    assert (one == other) == (escape(one) == escape(other))


@given(TEXTS, TEXTS)
def test_a_copy_of_one_of_several_texts_is_that_text_again(one: str, other: str) -> None:
    assert one == unescape(escape(one), [fence("topic", other), fence("tone", one)])


@given(TEXTS)
def test_without_an_escape_in_the_prompt_the_reply_stays_as_it_is(reply: str) -> None:
    assert reply == unescape(reply, [fence("topic", "HTML & Co."), "Write the outline."])


@pytest.mark.parametrize(
    ("topic", "reply", "meant"),
    [
        ("Vec<T>", "On Vec&lt;T>.", "On Vec<T>."),
        ("Vec<T>", "On Vec<T>.", "On Vec<T>."),
        ("Why &lt; is no <", "&amp;lt; is no &lt;", "&lt; is no <"),
        ("Why &lt; is needed", "&lt; is needed: write &amp;lt; to show it", "&lt; is needed: write &lt; to show it"),
        ("Why &lt; is needed", "&lt;", "&lt;"),
        ("Escapes in HTML", "Write &lt; and &amp;lt;.", "Write &lt; and &amp;lt;."),
    ],
)
def test_an_escape_is_undone_only_if_the_prompt_holds_it(topic: str, reply: str, meant: str) -> None:
    assert meant == unescape(reply, [fence("topic", topic)])
