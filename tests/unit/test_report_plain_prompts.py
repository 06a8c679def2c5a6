import re

import pytest
from msgspec.structs import replace

from aether.domain.report import Outline, OutlineItem
from aether.domain.report_request import FreeSections, Length, ReportPlan, ReportRequest, SectionPlan
from aether.workflows.report.prompts.plain import PlainPrompts

REQUEST = ReportRequest(topic="The Roman Empire")
PLAN = Outline((OutlineItem("Origins", "How it began."), OutlineItem("Republic"), OutlineItem("Fall")))
STYLE = PlainPrompts()


def test_one_short_question_is_all_that_a_small_model_is_told() -> None:
    [outline], [section] = STYLE.outline(REQUEST), STYLE.section(REQUEST, PLAN, 1)

    assert (outline.role, section.role) == ("user", "user")
    assert len(outline.content.split()) < 25
    assert "The Roman Empire" in outline.content
    assert len(section.content.split()) < 25
    assert "Republic" in section.content
    assert not re.search("Origins|Fall|How it began", section.content)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"tone": "dry"}, "dry"),
        ({"audience": "children"}, "children"),
        ({"instructions": "Mention salt."}, "Mention salt."),
        ({"language": "German"}, "German"),
    ],
)
def test_a_wish_is_one_sentence_and_only_there_if_it_was_given(wishes: dict[str, str], words: str) -> None:
    [asked], [plain] = STYLE.section(replace(REQUEST, **wishes), PLAN, 0), STYLE.section(REQUEST, PLAN, 0)

    assert asked.content.startswith(plain.content)
    assert words in asked.content.removeprefix(plain.content)


def test_a_model_that_knows_only_english_is_asked_for_no_language() -> None:
    german, english = replace(REQUEST, language="German"), PlainPrompts(english_only=True)

    assert english.section(german, PLAN, 0) == english.section(REQUEST, PLAN, 0)
    assert english.outline(german) == english.outline(REQUEST)


@pytest.mark.parametrize("count", [1, 5, 20])
def test_the_grammar_has_as_many_lines_as_are_asked_for(count: int) -> None:
    """They are more than are needed, so that the best can be chosen."""
    request = replace(REQUEST, sections=count)
    sampling, [prompt] = STYLE.sampling("outline", request), STYLE.outline(request)

    assert sampling is not None
    lines = [int(number) for number in re.findall(r'"(\d+)\. "', sampling.grammar or "")]
    assert lines == list(range(1, len(lines) + 1))
    assert len(lines) > count
    assert f" {len(lines)} sections " in prompt.content


def test_a_title_has_digits_only_if_the_topic_has_some() -> None:
    """Otherwise a small model adds years: "Jazz in 2022"."""
    samplings = [STYLE.sampling("outline", ReportRequest(topic=topic)) for topic in ("Jazz", "Apollo 11")]

    assert ["0-9" in ((sampling and sampling.grammar) or "") for sampling in samplings] == [False, True]


def test_of_a_list_the_best_titles_are_chosen() -> None:
    titles = ("Rome", "Rise and Fall", "The Fall and Rise of Rome", "Roads and", "Conclusion", "Law", "Trade", "Art")
    found = Outline.of(map(OutlineItem, titles))

    chosen = STYLE.choose(found, ReportRequest(topic="Rome"))

    assert [item.title for item in chosen.items] == ["Rise and Fall", "Roads", "Law", "Trade", "Art"]


def test_a_new_try_asks_the_same_and_samples_in_another_way() -> None:
    section, rewrite = STYLE.sampling("section", REQUEST), STYLE.sampling("rewrite", REQUEST)

    assert STYLE.rewrite(REQUEST, PLAN, 1, "A bad text.", "It is bad.") == STYLE.section(REQUEST, PLAN, 1)
    assert section is not None
    assert rewrite is not None
    assert (section.temperature or 0) < (rewrite.temperature or 0)


def test_longer_lengths_mean_more_tokens() -> None:
    samplings = [STYLE.sampling("section", replace(REQUEST, length=length)) for length in Length]

    tokens = [sampling.max_tokens or 0 for sampling in samplings if sampling is not None]
    assert tokens == sorted(set(tokens))
    assert len(tokens) == len(Length)


@pytest.mark.parametrize(("free", "count"), [((2, 3), 10), ((1, 9), 12), ((7, 9), 14)])
def test_spare_titles_are_asked_for_beside_planned_sections(free: tuple[int, int], count: int) -> None:
    plan = ReportPlan((SectionPlan("Origins"), SectionPlan("Fall")), FreeSections(*free, 1))
    [prompt] = STYLE.outline(replace(REQUEST, plan=plan))

    assert f"titles of {count} more sections" in prompt.content
    assert "besides Origins, Fall" in prompt.content


@pytest.mark.parametrize(("topic", "is_disliked"), [("The Roman Empire", True), ("The novel in France", False)])
def test_words_about_texts_are_made_less_likely_unless_the_topic_has_them(topic: str, *, is_disliked: bool) -> None:
    sampling = STYLE.sampling("section", ReportRequest(topic=topic))

    assert sampling is not None
    assert (" novel" in dict(sampling.logit_bias or ())) is is_disliked
