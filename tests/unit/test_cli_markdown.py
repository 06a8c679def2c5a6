import pytest

from aether.cli.output.markdown import heading, one_line, quotation


@pytest.mark.parametrize(
    ("text", "escaped"),
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
def test_a_heading_is_escaped(text: str, escaped: str) -> None:
    assert heading(text) == escaped


def test_one_line_has_no_breaks_and_no_control_characters() -> None:
    assert one_line(" a\r\nb\u2028c\x1b\td ") == "a b c d"


@pytest.mark.parametrize(
    ("text", "escaped"),
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
def test_a_quotation_is_escaped(text: str, escaped: str) -> None:
    assert quotation(text) == f"  > {escaped}"
