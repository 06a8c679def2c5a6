from aether.workflows.report.prompts.repetition import without_repetition


def test_the_third_sentence_that_begins_alike_is_left_out() -> None:
    text = "Rome grew. It is also known as Roma. It is also called the city.\n\nIt is also known as Rom. It fell."

    assert without_repetition(text) == "Rome grew. It is also known as Roma. It is also called the city.\n\nIt fell."


def test_a_sentence_is_there_once() -> None:
    assert without_repetition("It fell. Rome grew fast. It fell.\n\nRome grew fast.") == "It fell. Rome grew fast."


def test_other_sentences_stay_as_they_are() -> None:
    text = "Rome grew (by 3.5 km). “It fell.” Then it rose.\nA line.\n\n- One.\n- Two.\n\nIt is so. It is old."

    assert without_repetition(text) == text


def test_of_nothing_there_is_nothing() -> None:
    assert without_repetition("") == ""
