# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aether.workflows.llm.markdown_cleanup import join_continuation, section_body, up_to_last_sentence

TITLE = "Origins of Rome"
TEXT = "Rome began as a village."
_markdown = MarkdownIt("commonmark")


def headings(text: str) -> list[tuple[int, str]]:
    """The level and the text of every heading, in quotes and lists too."""
    tokens = _markdown.parse(text)
    return [(int(t.tag[1]), tokens[at + 1].content) for at, t in enumerate(tokens) if t.type == "heading_open"]


@pytest.mark.parametrize(
    "own",
    [
        "# Origins of Rome",
        "## Origins of Rome",
        "###### Origins of Rome ######",
        "## II. Origins of Rome",
        "### Section 2: Origins of Rome",
        "Section 3: Origins of Rome",
        "Chapter II — Origins of Rome",
        "2. Origins of Rome",
        "II. Origins of Rome",
        "**Origins of Rome**",
        "**II. Origins of Rome**",
        "__Origins of Rome__",
        "## **Origins of Rome**",
        "Origins of Rome",
        "Origins of Rome:",
        "“Origins of Rome”",
        "ORIGINS OF ROME",
        "Origins of Rome\n===============",
        "Origins of Rome\n---",
        "## Origins of Rome\n\n---",
        "# Origins of Rome\n\n## Origins of Rome",
        "Origins of Rome\n---\nOrigins of Rome",
        "\n\n  ## Origins of Rome  ",
        "<h2>II. Origins of Rome</h2>",
        "<title>Rome: A History</title>",
        "<TITLE>Origins of Rome</TITLE>\n\n# Origins of Rome",
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_the_section_s_own_heading_goes(own: str, gap: str) -> None:
    assert section_body(f"{own}{gap}{TEXT}", TITLE) == TEXT


@pytest.mark.parametrize(
    "number",
    [
        "一、", "（一）", "第一章 ", "第一章：", "第1節 ", "①", "⑴ ", "１．", "I. 一、", "II. 第一章 ", "제1장 ",
        "Kapitel 1: ", "1. Kapitel: ", "Erstes Kapitel – ", "Глава 1. ", "Глава первая. ", "Chapitre premier : ",
        "Capítulo 3 - ", "Chương 2: ", "Section: ", "I. ", "a) ", "Section Twenty-One: ", "1.2 ", "§ 3 ", "[1] ",
        "الفصل الأول: ", "الفصل الأول ", "1부 ", "1、", "１、", "פרק א: ", "अध्याय १: ", "١. ", "१. ",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("title", "text"), [("起源", "罗马始于一个村庄。"), ("Die Gründung", "Rom war ein Dorf.")])
@pytest.mark.parametrize("form", ["{}", "## {}", "**{}**", "<h2>{}</h2>", "## **{}**", "{}\n==="])
def test_the_section_s_own_heading_goes_with_its_number(number: str, title: str, text: str, form: str) -> None:
    assert section_body(f"{form.format(number + title)}\n\n{text}", title) == text


@pytest.mark.parametrize("number", ["Chapter 2", "## Chapter 2", "**第一章**", "Глава первая", "II.", "# Kapitel 1\n"])
def test_a_number_on_a_line_before_the_heading_goes_too(number: str) -> None:
    assert section_body(f"{number}\n## {TITLE}\n\n{TEXT}", TITLE) == TEXT


@pytest.mark.parametrize("line", ["Chapter 2", "II.", "1984", "One"])
def test_a_number_before_something_else_stays(line: str) -> None:
    assert section_body(f"{line}\n\n{TEXT}", TITLE).startswith(line)


def test_a_title_in_another_normal_form_is_the_same() -> None:
    assert section_body("## Die Gru\u0308ndung\n\nText.", "Die Gründung") == "Text."


@pytest.mark.parametrize("text", ["1984 Origins of Rome", "Chapter House Origins of Rome", "The Origins of Rome"])
def test_a_line_with_more_than_a_number_stays(text: str) -> None:
    assert section_body(f"{text}\n\n{TEXT}", TITLE) == f"{text}\n\n{TEXT}"


@pytest.mark.parametrize(
    ("title", "text"),
    [
        (TITLE, "Origins of Rome are many, and one is a wolf."),
        (TITLE, "The Origins of Rome\nare many."),
        (TITLE, "**Origins of Rome.** It began as a village."),
        (TITLE, "- Origins of Rome\n- Fall of Rome"),
        (TITLE, "* Origins of Rome\n* Fall of Rome"),
        (TITLE, "1. Origins of Rome\n2. Fall of Rome"),
        (TITLE, "> Origins of Rome\n\nThat is what it was called."),
        (TITLE, "| Origins of Rome |\n|---|\n| a |"),
        (TITLE, f"---\n\n{TEXT}"),
        (TITLE, f"{TEXT}\n\n---\n\nMore."),
        (TITLE, f"{TEXT}\n\nOrigins of Rome"),
        ("Python", "```python\nprint()\n```\n\nThat prints."),
        ("???", f"!!!\n\n{TEXT}"),
    ],
)
def test_what_only_looks_like_the_heading_stays(title: str, text: str) -> None:
    assert text == section_body(text, title)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t\n",
        "## Origins of Rome",
        "**Origins of Rome**\n\n",
        "Origins of Rome\n===",
        "# Another heading",
        "#\n\n## Two\n\n---",
        "```markdown\n## Origins of Rome\n```",
        "<title>Origins of Rome</title>",
    ],
)
def test_headings_alone_are_no_text(text: str) -> None:
    assert section_body(text, TITLE) == ""


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([3], [3]),
        ([1], [3]),
        ([2, 3, 2], [3, 4, 3]),
        ([1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 6, 6]),
        ([4, 2, 6], [5, 3, 6]),
        ([5, 6], [5, 6]),
    ],
)
def test_headings_move_below_the_section_s_and_keep_their_order(levels: list[int], expected: list[int]) -> None:
    text = "\n\n".join(f"{'#' * level} Part {at}\n\nText." for at, level in enumerate(levels))

    assert [(level, f"Part {at}") for at, level in enumerate(expected)] == headings(section_body(text, TITLE))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One\n===\n\nText.", "### One\n\n\nText."),
        ("One\n===\nText.\n\nTwo\n---\nText.", "### One\n\nText.\n\n#### Two\n\nText."),
        ("One\nmore\n===\nText.", "### One more\n\n\nText."),
        ("## C #\n\nText.", "### C\n\nText."),
        ("C #\n===\nText.", "### C \\#\n\nText."),
        ("> # One\n> Text.", "> ### One\n> Text."),
        ("- # One\n- two", "- ### One\n- two"),
        ("1. > ## One\n   > two", "1. > ### One\n   > two"),
        ("# One\n\n> ## Two\n\nText.", "### One\n\n> #### Two\n\nText."),
        ("> One\n> ===\n> Text.", "> One\n>\n> Text."),
        ("- One\n  ---\n  Text.", "- One\n\n  Text."),
    ],
)
def test_headings_of_every_form_and_place_are_moved(text: str, expected: str) -> None:
    """A heading in a quote or a list is a heading of the document too."""
    lines = [line.rstrip() for line in section_body(text, TITLE).splitlines()]

    assert "\n".join(lines) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Text.\n\n```python\n# a comment\n```\n\nMore.",
        "Text.\n\n~~~\n## not a heading\n===\n~~~",
        "Text.\n\n````\n```\n# x\n```\n````",
        "Text.\n\n    # indented code",
        "- one\n- two\n  - three\n\n1. four\n2. five",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "> A quote.\n>\n> Two paragraphs.",
        "Text with `# code`, **bold** and [a link](https://example.org/#part).\n\n* * *\n\nMore.",
        "Text.\n\n<div>\nHTML\n</div>\n\nMore.",
        "#hashtag is no heading.",
    ],
)
def test_everything_else_stays_as_it_is(text: str) -> None:
    assert text == section_body(text, TITLE)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Text.\n```\ncode", "\n```"),
        ("Text.\n~~~\ncode", "\n~~~"),
        ("Text.\n`````\ncode\n```", "\n`````"),
        ("Text.\n~~~\ncode\n```", "\n~~~"),
        ("Text.\n```\ncode\n    ```", "\n```"),
        ("Text.\n```\ncode\n\t```", "\n```"),
        ("Text.\n```", "\n```"),
        ("Text.\n```\ncode\n```", ""),
        ("Text.\n```\ncode\n``````", ""),
        ("Text.\n```\none\n```\n```\ntwo", "\n```"),
        ("- item\n  ```\n  code", ""),
    ],
)
def test_a_code_fence_left_open_is_closed(text: str, end: str) -> None:
    assert text + end == section_body(text, TITLE)


@pytest.mark.parametrize("opened", ["<!-- a note", "<pre>", "<script>", "<?php", "<!DOCTYPE", "<!-- <pre>\n<!-- x"])
def test_html_left_open_is_shown_and_takes_in_nothing(opened: str) -> None:
    body = section_body(f"{TEXT}\n\n{opened}\n\n# More\n\nText.", TITLE)

    assert headings(f"{body}\n\n## Next") == [(3, "More"), (2, "Next")]
    assert opened.partition("<")[2].partition("\n")[0] in body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"```markdown\n## Origins of Rome\n\n{TEXT}\n```", TEXT),
        (f"## Origins of Rome\n\n```md\n{TEXT}\n```", TEXT),
        (f"```\n{TEXT}\n```", TEXT),
        (f"```markdown\n{TEXT}", TEXT),
        ("```markdown\nText.\n```python\nx\n```\nMore.\n```", "Text.\n```python\nx\n```\nMore."),
        ("```python\nx\n```", "```python\nx\n```"),
        ("```\nx\n```\nText.\n```\ny\n```", "```\nx\n```\nText.\n```\ny\n```"),
    ],
)
def test_an_answer_given_as_one_block_of_code_is_unwrapped(text: str, expected: str) -> None:
    assert section_body(text, TITLE) == expected


FRAGMENTS = [
    "#", "## ", "### A", "A", "===", "---", "-", "> ", "- ", "1. ", "2) ", "```", "~~~~", "````", "markdown", "<!--",
    "-->", "<div>", " ", "    ", "\t", "\n", "\n\n", "\\", "|", "*", "**", "[a]: b", "\r", "\x0b", "\u2028", TITLE,
]  # fmt: skip
texts = st.text() | st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=30).map("".join)


@given(texts)
@example("> A\n> ===\n\n# B")
@example("~~~~\n```\ncode\n~~~")
def test_no_text_can_break_the_document(text: str) -> None:
    body = section_body(text, TITLE)

    found = headings(f"{body}\n\n## Next\n")
    assert found[-1] == (2, "Next")
    assert all(level >= 3 for level, _ in found[:-1])


@given(texts)
def test_a_fitting_text_stays_as_it_is(text: str) -> None:
    body = section_body(text, TITLE)

    assert body == section_body(body, TITLE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("One. Two is unfin", "One."),
        ("One.", "One."),
        ("One! Two? Thr", "One! Two?"),
        ("“One.” Two", "“One.”"),
        ("(One.) Two", "(One.)"),
        ("One… two", "One…"),
        ("It costs 3.14 per unit and", "It costs 3.14 per unit"),
        ("unfinished busin", "unfinished"),
        ("unfinished", "unfinished"),
        ("A paragraph\n\nunfin", "A paragraph"),
        ("One.\n\n### Head\n\nunfin", "One."),
        ("Text.\n\n1. First.\n2. Second", "Text.\n\n1. First."),
        ("Text.\n\n- first\n- second\n- thi", "Text.\n\n- first\n- second"),
        ("一つ。二つ", "一つ。"),
        ("「一つ。」二つ", "「一つ。」"),
        ("句点のない", "句点のない"),
    ],
)
def test_a_text_is_cut_after_its_last_sentence(text: str, expected: str) -> None:
    assert up_to_last_sentence(text) == expected


@pytest.mark.parametrize(
    ("text", "rest", "expected"),
    [
        ("One. Two is un", "Two is here.", "One. Two is here."),
        ("One.", "Two.", "One. Two."),
        ("One. ", " Two. ", "One. Two."),
        ("One.\n\nTwo is un", "Two is here.", "One.\n\nTwo is here."),
        ("One.", "\n\nTwo.", "One.\n\nTwo."),
        ("One.", "### Head\n\nTwo.", "One.\n### Head\n\nTwo."),
        ("- One.\n- Tw", "- Two.", "- One.\n- Two."),
        ("- One.", "- Two.", "- One.\n- Two."),
        ("1. One.", "2. Two.", "1. One.\n2. Two."),
        ("一つ。二", "二つ。", "一つ。二つ。"),
        ("One. This is the second sentence.", "This is the second sentence. Third.", None),
        ("One. This is the second sentence.", "One. This is the second sentence. Third.", None),
        ("One. No.", "No. Three.", "One. No. No. Three."),
        ("", "One.", "One."),
        ("One.", "", "One."),
    ],
)
def test_a_continuation_is_joined_where_the_text_was_cut(text: str, rest: str, expected: str | None) -> None:
    assert join_continuation(text, rest).rstrip() == (expected or "One. This is the second sentence. Third.")


REPORT, OTHERS = "The Roman Empire", ["Fall", "The Republic"]


@pytest.mark.parametrize(
    "before",
    [
        "# The Roman Empire\n\n",
        "# The Roman Empire\n\n## I. Origins of Rome\n\n",
        "# The Roman Empire\n\n## I. Origins of Rome\n\n### Origins of Rome\n\n",
        "**The Roman Empire**\n\n**Origins of Rome**\n\n",
        "The Roman Empire\n================\n\n",
        "<h1>The Roman Empire</h1>\n<h2>Origins of Rome</h2>\n",
        "## I. Origins of Rome\n\n# The Roman Empire\n\n",
    ],
)
def test_the_title_of_the_report_goes_too(before: str) -> None:
    assert section_body(f"{before}{TEXT}", TITLE, REPORT, OTHERS) == TEXT
    assert section_body(f"```markdown\n{before}{TEXT}\n```", TITLE, REPORT) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        f"## I. Origins of Rome\n\n{TEXT}\n\n## II. The Republic\n\nMore.\n\n## III. Fall\n\nThe end.",
        f"# The Roman Empire\n\n## I. Origins of Rome\n\n{TEXT}\n\n---\n\n## II. Fall\n\nThe end.",
        f"{TEXT}\n\n# Fall\n\nThe end.",
        f"{TEXT}\n\nFall\n----\n\nThe end.",
        f"# The Roman Empire\n\n## The Republic\n\nMore.\n\n## Origins of Rome\n\n{TEXT}\n\n## Fall\n\nThe end.",
        f"## Fall\n\nThe end.\n\n## 1. Origins of Rome\n{TEXT}",
    ],
)
def test_of_a_whole_report_only_the_section_itself_stays(text: str) -> None:
    assert section_body(text, TITLE, REPORT, OTHERS) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        f"{TEXT}\n\n### Early kings\n\nSeven.\n\n### Fall\n\nOf the kings.",
        f"### Fall\n\n{TEXT}",
        f"{TEXT}\n\n### The fall\n\nOf the kings.",
        f"{TEXT}\n\n> ### Fall\n> Of the kings.",
        f"{TEXT}\n\n```\n# Fall\n```",
        f"{TEXT}\n\nFall\n\nis near.",
    ],
)
def test_headings_of_its_own_stay_whatever_other_sections_are_called(text: str) -> None:
    assert section_body(text, TITLE, REPORT, OTHERS) == text


def test_a_heading_below_the_section_s_own_is_part_of_it() -> None:
    text = f"{TEXT}\n\n### Fall\n\nOf the kings."

    assert section_body(f"## Origins of Rome\n\n{text}", TITLE, REPORT, OTHERS) == text


@pytest.mark.parametrize(
    "count",
    [
        "(Word count: 23)", "Word count: 23", "**Word Count:** 250 words", "*(Word count: ~1,250)*", "[Word count: 23]",
        "(23 words)", "(approximately 250 words)", "Total word count: 23.", "---\n\n(Word count: 23)", "Wortzahl: 250",
        "Nombre de mots : 250", "（字数：250）".strip("（）"), "Words: 250",
    ],
)  # fmt: skip
def test_a_last_line_that_counts_the_words_goes(count: str) -> None:
    assert section_body(f"{TEXT}\n\n{count}\n", TITLE) == TEXT


@pytest.mark.parametrize(
    "end",
    [
        "Word count: 23 is a target.",
        "(23 words)\n\nThat is short.",
        "23 words",
        "The words: 250 of them",
        "(Chapter 23)",
    ],
)
def test_a_last_line_that_only_looks_like_a_count_stays(end: str) -> None:
    assert section_body(f"{TEXT}\n\n{end}", TITLE) == f"{TEXT}\n\n{end}"
