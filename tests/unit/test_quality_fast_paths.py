"""What is not read because it can hold no fault holds none: the fast ways of the checks find what the slow ones do."""
# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones

import random
import re
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aether.workflows.llm.markdown_cleanup import MAY_BE_BLOCK
from aether.workflows.report.quality.blocks import prose_blocks, prose_of
from aether.workflows.report.quality.guarded_pattern import GuardedPattern
from aether.workflows.report.quality.placeholders import PATTERNS
from aether.workflows.report.quality.repetition import COMPRESSOR, find_duplicates
from aether.workflows.report.quality.stop_word_counts import StopWordCounts
from aether.workflows.report.quality.stop_words import STOP_WORDS
from aether.workflows.report.quality.talk_phrases import SELF_REFERENCE
from aether.workflows.report.quality.thresholds import RULES
from aether.workflows.report.quality.words import count_letters, count_words, grams_of, words_of
from tests.hostile_texts import FAMILIES
from tests.prose import BY_LANGUAGE
from tests.scripted_model.texts import expected_section
from tests.unit.test_quality_calibration import PLACEHOLDERS, PROSE, REWRITTEN, SELF_REFERENCES

GOOD = [text for texts in BY_LANGUAGE.values() for text in texts.values()]
FAULTY = [plant(list(texts.values())[at]) for texts, at in PROSE for plants in REWRITTEN.values() for plant in plants]
PLANTED = [*PLACEHOLDERS, *SELF_REFERENCES]
HOSTILE = [family(400) for family in FAMILIES.values()]
SCRIPTED = [expected_section("Roads", index, 250) for index in range(1, 9)]
TEXTS = [*GOOD, *FAULTY, *PLANTED, *map(str.upper, PLANTED), *HOSTILE, *SCRIPTED]
LIMIT = RULES["loop"].limits["compression"]
LETTERS = "aéÉßµÿªº²½_’“”–—…•×÷ \u00a0\u0085\x1c\t\nİıſK洗กا\u0301\ud8001.-'()"
latin_texts = st.text(st.sampled_from(LETTERS) | st.characters(max_codepoint=255), max_size=30)


def is_plain(text: str) -> bool:
    """Whether no script without spaces, and no mark, needs rules of its own."""
    return not re.search("[\u0300-\u036f\u0483-\u07ff\u0900-\u1dff\u3000-\U0003ffff]", text)


def assert_counted_as_by_regex(text: str) -> None:
    if is_plain(text.casefold()):
        assert words_of(text) == tuple(re.findall(r"[^\W_]+", text.casefold()))
        assert count_words(text) == len(re.findall(r"[^\W_]\S*", text))
        assert count_letters(text) == sum(map(str.isalpha, text))


def test_words_are_those_of_a_regular_expression() -> None:
    for text in TEXTS:
        assert_counted_as_by_regex(text)


@given(latin_texts)
def test_words_of_any_letters_are_those_of_a_regular_expression(text: str) -> None:
    assert_counted_as_by_regex(text)


def test_words_of_a_text_are_those_of_its_blocks() -> None:
    for text in TEXTS:
        assert words_of(prose_of(text)) == tuple(word for block in prose_blocks(text) for word in block.words)


def test_stop_words_are_counted_for_each_language_alone() -> None:
    for text in GOOD:
        words = words_of(text)
        counts = StopWordCounts.of(words)
        alone = {code: sum(word in known for word in words) for code, known in STOP_WORDS.items()}
        assert alone == {code: counts.of_language(code) for code in STOP_WORDS}
        assert sorted(filter(None, alone.values()), reverse=True) == [count for _, count in counts.ranked()]


@pytest.mark.parametrize("guarded", [*PATTERNS, SELF_REFERENCE], ids=lambda guarded: guarded.needs[0])
def test_a_guarded_pattern_finds_what_it_finds_without_its_guard(guarded: GuardedPattern) -> None:
    for text in TEXTS:
        expected = [found[0] for found in guarded.pattern.finditer(text)]
        assert expected == [found[0] for found in guarded.finditer(text)]


def test_a_guard_knows_the_letters_that_a_pattern_takes_for_others() -> None:
    text = "In thıs ſection, we will see."

    assert SELF_REFERENCE.pattern.search(text)
    assert list(SELF_REFERENCE.finditer(text))


def test_a_fast_compressor_passes_over_nothing_that_repeats_itself() -> None:
    numbers = random.Random(3)  # noqa: S311 - the same texts in each run
    rows = ["".join(f"{numbers.choice(GOOD)[:width]} {number}. " for number in range(99)) for width in range(2, 60)]
    for text in [*TEXTS, *rows]:
        piece = text.encode("utf-8", "replace")[:1_500]
        fast, usual = (len(piece) / len(zlib.compress(piece, level)) for level in (COMPRESSOR.level, -1))
        assert fast * COMPRESSOR.most_larger > LIMIT or usual <= LIMIT


def test_a_copy_of_any_share_is_found_where_sequences_of_five_stand_twice() -> None:
    numbers = random.Random(7)  # noqa: S311 - the same texts in each run
    for _ in range(200):
        first, second = (" ".join(numbers.choice(GOOD[:20]).split()[:60]) for _ in range(2))
        share = numbers.randrange(60)
        copied = " ".join([*first.split()[:share], *second.split()[share:]])
        grams = grams_of(words_of(copied))
        known = set(grams_of(words_of(first)))
        expected = sum(gram in known for gram in grams) / len(grams)
        found = [duplicate.share for duplicate in find_duplicates([first, copied])]
        assert found == ([expected] if expected >= 0.25 else [])


BLOCKS = [
    *("# ", "- ", "* ", "**a**", "> ", "```", "~~~", "    ", "\t", "\n", "\n\n", " ", "1. ", "===", "---", "***"),
    *("<div>", "[a]: b", "word"),
    *("“Q”", "\u00a0", "\u2028", "\x0c", "\x00", "\r", "(x)", "_i_", "| a |", "洗", "=", "\\#", "'q'"),
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(BLOCKS), max_size=12).map("".join))
def test_a_text_that_may_have_no_other_blocks_has_paragraphs_only(text: str) -> None:
    if not MAY_BE_BLOCK.search(text):
        tokens = MarkdownIt("commonmark").parse(text)
        assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
        assert bool(tokens) == bool(text.strip())
