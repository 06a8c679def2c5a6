"""Numbers and names of a derived text that do not stand in the sections are found, and no others."""

import pytest

from aether.domain.derived_section import DerivedSection, GlossaryEntry
from aether.workflows.report.grounding import Evidence, ground, sentences

ENGLISH = (
    "The Roman Empire began with Augustus in 27 BC. It had some 60 million people under Trajan, and its budget was "
    "1,000,000 sesterces or so. The emperor Marcus Aurelius wrote in Greek. In the third century the army made and "
    "broke emperors, while prices rose by 3.5 percent a year. Its law, its roads and its language outlived it by a "
    "thousand years, and much of what is said of it was written down by its enemies. The European Union took up some "
    "of its ideas."
)
GERMAN = (
    "Das Römische Reich begann mit Augustus im Jahr 27 vor Christus. Die Verwaltung der Provinzen lag bei "
    "Statthaltern, die der Kaiser oder der Senat ernannte. Handel, Straßen und Recht verbanden die Städte. "
    "Unter Kaiser Trajan hatte das Reich seine größte Ausdehnung, und die Armee wurde zur Last für den Haushalt."
)
RUSSIAN = "Империя началась при Августе в 27 году до нашей эры. При Траяне в ней жило около 60 миллионов человек."
JAPANESE = "ローマ帝国は紀元前27年にアウグストゥスによって始まった。人口は約6000万人であった。"


@pytest.mark.parametrize(
    ("source", "text", "unknown"),
    [
        (ENGLISH, "Augustus founded it in 27 BC. Under Trajan it had 60 million people.", []),
        (ENGLISH, "Its budget was 1000000 sesterces, or 1.000.000. Prices rose by 3,5 percent.", []),
        (ENGLISH, "The Romans spoke well of Trajan's roads, and Europeans use them.", []),
        (ENGLISH, "It ended in 476 when Odoacer deposed the emperor.", ["476", "Odoacer"]),
        (ENGLISH, "As the historian Theodor Mommsen says, 2 things count.", ["Theodor", "Mommsen"]),
        (ENGLISH, "It had 61 million people, and the EU is its heir.", ["61", "EU"]),
        (ENGLISH, "However, much was lost. Nevertheless, I admire it.", []),
        (GERMAN, "Der Kaiser ernannte Beamte für jede Region und jede Grenze des Reichs.", []),
        (
            GERMAN,
            "Das sah auch der Historiker Theodor Mommsen im Jahr 1854 so.",
            ["1854", "Historiker", "Theodor", "Mommsen"],
        ),
        (RUSSIAN, "Империя возникла при Августе в 27 году.", []),
        (RUSSIAN, "Это заметил и Моммзен в 1854 году.", ["1854", "Моммзен"]),
        (JAPANESE, "帝国は紀元前27年に始まり、人口は6000万人だった。", []),
        (JAPANESE, "帝国は476年に滅びた。", ["476"]),
        ("It grew to ٦٠ million.", "It grew to 60 million.", []),
    ],
)
def test_what_does_not_stand_in_the_sections_is_found(source: str, text: str, unknown: list[str]) -> None:
    assert Evidence([source]).unknown(text) == unknown


def test_every_sentence_of_a_text_stands_in_the_text() -> None:
    for source in (ENGLISH, GERMAN, RUSSIAN, JAPANESE):
        evidence = Evidence([source])
        assert "".join(sentences(source)) == source
        assert [evidence.unknown(sentence) for sentence in sentences(source)] == [[]] * len(sentences(source))


def test_a_sentence_with_an_unknown_number_is_removed_and_told() -> None:
    section = DerivedSection("It began in 27 BC. It ended in 476 AD.\n\nIts law lived on. In 1453 nothing was left.")

    grounded = ground(section, Evidence([ENGLISH]))

    assert grounded.text == "It began in 27 BC.\n\nIts law lived on."
    assert [(finding.code, finding.is_removed) for finding in grounded.findings] == [("ungrounded", True)] * 2
    assert "476" in grounded.findings[0].detail
    assert "It ended in 476 AD." in grounded.findings[0].detail


def test_an_entry_with_an_unknown_name_is_removed_and_told() -> None:
    section = DerivedSection(
        points=("It had 60 million people.", "It had 70 million people."),
        entries=(GlossaryEntry("Budget", "What Trajan spent."), GlossaryEntry("Fall", "The deposition by Odoacer.")),
    )

    grounded = ground(section, Evidence([ENGLISH]))

    assert grounded.points == ("It had 60 million people.",)
    assert [entry.term for entry in grounded.entries] == ["Budget"]
    assert len(grounded.findings) == 2


def test_of_a_text_that_is_all_invented_nothing_is_left() -> None:
    grounded = ground(DerivedSection("In 476 it fell."), Evidence([ENGLISH]))

    assert (grounded.text, len(grounded.findings)) == ("", 1)
