import pytest

from aether.cli.kinds.report import Report, to_markdown
from aether.cli.output.markdown import one_line, quotation


def test_sections_follow_the_outline() -> None:
    report = Report("Rome", ("I. Rise", "II. Fall"), {"II. Fall": "It fell.", "I. Rise": "It rose.\n\nTwice."})
    assert to_markdown(report) == "# Rome\n\n## I. Rise\n\nIt rose.\n\nTwice.\n\n## II. Fall\n\nIt fell.\n"


def test_a_section_that_is_not_written_has_no_heading() -> None:
    report = Report("Rome", ("I. Rise", "II. Fall"), {"II. Fall": "It fell."})
    assert to_markdown(report) == "# Rome\n\n## II. Fall\n\nIt fell.\n"


def test_an_indented_first_line_stays_so() -> None:
    report = Report("Code", ("I. Code",), {"I. Code": "\n\n    x = 1\n\n"})
    assert to_markdown(report) == "# Code\n\n## I. Code\n\n    x = 1\n"


@pytest.mark.parametrize(
    ("topic", "heading"),
    [
        ("The Roman Empire", "The Roman Empire"),
        ("snake_case and 2 * 3", r"snake_case and 2 \* 3"),
        ("_private_ <script>", r"\_private\_ \<script>"),
        ("C #", r"C \#"),
        ("C# in depth", "C# in depth"),
        ("AT&T, &copy; and [links](x)", r"AT&T, \&copy; and \[links](x)"),
        (r"C:\_x and C:\temp", r"C:\\\_x and C:\temp"),
    ],
)
def test_a_heading_means_what_it_says(topic: str, heading: str) -> None:
    assert to_markdown(Report(topic)) == f"# {heading}\n"


def test_terminal_codes_are_left_out() -> None:
    report = Report("Rome\x1b[2J", ("I. Rise",), {"I. Rise": "It\x9b31m rose.\r\nTwice.\x07\tYes."})
    assert to_markdown(report) == "# Rome\\[2J\n\n## I. Rise\n\nIt31m rose.\nTwice.\tYes.\n"


def test_one_line_is_one_line() -> None:
    assert one_line(" a\r\nb\u2028c\x1b\td ") == "a b c d"


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        ("Wash your\n hands.", "Wash your hands."),
        ("> as said", r"\> as said"),
        ("# 3", r"\# 3"),
        ("#3 of *all*", r"#3 of \*all\*"),
        ("- gloves", r"\- gloves"),
        ("-20 °C", "-20 °C"),
        ("---", r"\---"),
        ("~~~", r"\~~~"),
        ("12. Cook", r"12\. Cook"),
        ("1) Cook", r"1\) Cook"),
        ("12.5 g", "12.5 g"),
    ],
)
def test_a_quotation_means_what_it_says(words: str, quoted: str) -> None:
    assert quotation(words) == f"  > {quoted}"
