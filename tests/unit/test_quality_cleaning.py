import msgspec
import pytest

from aether.domain.report import Section
from aether.workflows.report.quality.cleaning import clean_section

TEXT = "Rome began as a village on seven hills. It grew by war and law."


def cleaned(text: str, known: str = "") -> str:
    return clean_section(text, titles=["Origins", "Fall"], position=0, topic="Rome", known=known).text


def codes(text: str, known: str = "") -> list[str]:
    result = clean_section(text, titles=["Origins", "Fall"], position=0, topic="Rome", known=known)
    return [finding.code for finding in result.findings]


@pytest.mark.parametrize(
    "text",
    [
        "Models think between `<think>` and `</think>`.",
        "A model writes the <think> tag, and then the </think> tag.",
        'It begins with "<think>" and ends with "</think>".',
        f"```xml\n<think>one</think>\n```\n\n{TEXT}",
        f"Certainly, the Romans had a word for it. {TEXT}",
        f"Of course. It was so. {TEXT}".replace("Of course. It", "Of course it"),
        "Here is how it works:\n\n- One goes.\n- One comes.",
        f"Here are three figures that count: 1, 2 and 3. {TEXT}",
        f"I will not go there, said Caesar, and went. {TEXT}",
        f"As an AI system grows, so does its hunger. {TEXT}",
        f"{TEXT}\n\nIf you need legal advice, see a lawyer.",
        f"{TEXT}\n\n“Let me know,” she wrote.",
        f"{TEXT} I hope for peace, Cicero wrote.",
        f"{TEXT}\n\n- one\n- two",
        f"{TEXT}\n\n| a | b |\n|---|---|\n| 1 | 2",
        f"{TEXT}\n\n```\nprint()\n```",
        f"{TEXT}\n\nA line\nof verse\nwithout stops",
        f"{TEXT}\n\nFigure 3. The forum in the year",
        f"{TEXT}\n\nSee https://example.test/a for",
        f"{TEXT}\n\nไทยเขียนโดยไม่มีจุดจบประโยค",
        "The interval [1, 2] has the length 1, and a[1] is its end.",
        "Write `[text](address)` for a link, and `![text](address)` for an image.",
        f"Sources:\n\n{TEXT}",
        f"## Sources of water\n\n{TEXT}\n\nThe rest is rain.".replace("## ", "### "),
        f"{TEXT} Press [Enter], then (see below) go on.",
        "**Origin:** in the beginning there was a wolf.",
    ],
)
def test_what_only_looks_like_a_fault_stays(text: str) -> None:
    assert (text, []) == (cleaned(text), codes(text))


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        (f"<think>a</think>Sure! Here is the section:\n\n## Origins\n\n{TEXT}\n\nLet me know!", TEXT, 4),
        (f"```markdown\nSure! Here is the section:\n\n{TEXT}\n```\n\nHope this helps!", TEXT, 2),
        (f"## Origins\n\nSure! Here is the report:\n\n# Rome\n\n## I. Origins\n\n{TEXT}", TEXT, 2),
        (f"Sure! {TEXT}", TEXT, 1),
        (f"# Rome\n\n## Origins\n\n{TEXT}\n\n## Fall\n\nIt fell in 476, as everybody knows.", TEXT, 2),
        ("Rome fell [1]. It rose [2, 3].\n\n## References\n\n1. A, 1999\n2. B, 2001", "Rome fell. It rose.", 1),
        ("It fell. [1][2]\n\n[1] A, 1999\n[2] B, 2001", "It fell.", 1),
        ("See [A Book][1].\n\n[1]: https://made.up", "See A Book.", 1),
        ("The [`foo`](https://made.up) call.", "The `foo` call.", 1),
        ("It was **great**\n\nLet me know!", "It was **great**", 1),
        ("Sure! I'll write the section now.", "", 1),
        ("<think>Only a thought", "", 1),
        ("", "", 0),
    ],
)
def test_faults_are_stripped_in_whichever_order_they_come(text: str, expected: str, found: int) -> None:
    assert (expected, found) == (cleaned(text), len(codes(text)))


def test_a_link_that_the_caller_wrote_stays() -> None:
    text = "See [the site](https://rome.test/a), <https://rome.test/a> and [another](https://made.up)."

    assert cleaned(text, known="use https://rome.test/a") == text.replace("[another](https://made.up)", "another")


def test_a_finding_quotes_what_was_removed() -> None:
    result = clean_section(f"Sure! Here is the section:\n\n{TEXT}", titles=["a", "b"], position=1)

    [finding] = result.findings
    assert (finding.section, finding.is_removed, finding.needs_rewrite) == (1, True, False)
    assert "Sure! Here is the section:" in finding.detail


def test_a_section_is_stored_with_its_findings_and_read_without() -> None:
    result = clean_section(f"Sure! {TEXT}", titles=["a"], position=0)
    section = Section(result.text, result.findings)

    assert msgspec.json.decode(msgspec.json.encode(section), type=Section) == section
    assert msgspec.json.decode(b'{"text":"a"}', type=Section) == Section("a")
    assert msgspec.json.encode(Section("a")) == b'{"text":"a"}'
