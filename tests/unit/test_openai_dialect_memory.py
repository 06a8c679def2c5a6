import msgspec
from structlog.testing import capture_logs

from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.dialect_memory import DialectMemory

DEFAULT, OBJECT, PROMPT = Dialect(), Dialect(form="object"), Dialect(form="prompt")
PROMPT_ID = 7
FORM, STREAM = frozenset({"form"}), frozenset({"stream"})
OPTIONS = {"max_tokens": "max_new_tokens", "seed": None}


def answered_in_doubt(memory: DialectMemory, prompt: int) -> None:
    """Let a feature fail for a prompt, and let the next attempt succeed without it."""
    memory.doubt("m", prompt, OBJECT)
    used = memory.get("m", prompt)
    memory.learn("m", prompt, used, used, FORM)


def test_what_worked_is_remembered_for_its_model() -> None:
    memory = DialectMemory()
    memory.learn("m", PROMPT_ID, DEFAULT, OBJECT, FORM)

    assert memory.get("m") == OBJECT
    assert memory.get("another") == DEFAULT
    assert memory.known == {"m": OBJECT}


def test_what_is_known_can_be_shared() -> None:
    told: list[tuple[str, Dialect]] = []
    memory = DialectMemory({"m": OBJECT}, on_change=lambda model, dialect: told.append((model, dialect)))
    memory.learn("m", PROMPT_ID, OBJECT, PROMPT, FORM)
    memory.learn("m", PROMPT_ID, PROMPT, PROMPT, FORM)
    stored = msgspec.json.encode(memory.known)

    assert told == [("m", PROMPT)]
    assert msgspec.json.decode(stored, type=dict[str, Dialect]) == {"m": PROMPT}
    assert stored == b'{"m":{"form":"prompt"}}'


def test_the_next_attempt_of_a_prompt_does_without_what_is_in_doubt() -> None:
    memory = DialectMemory()
    memory.doubt("m", PROMPT_ID, OBJECT)

    assert memory.get("m", PROMPT_ID) == OBJECT
    assert memory.get("m", PROMPT_ID + 1) == DEFAULT
    memory.doubt("m", PROMPT_ID, None)
    assert memory.get("m", PROMPT_ID) == DEFAULT


def test_one_hiccup_teaches_nothing() -> None:
    memory = DialectMemory()
    for prompt in range(2):
        answered_in_doubt(memory, prompt)

    assert memory.get("m") == DEFAULT


def test_what_helps_every_time_is_learned() -> None:
    memory = DialectMemory()
    for prompt in range(3):
        answered_in_doubt(memory, prompt)

    assert memory.get("m") == OBJECT


def test_a_feature_that_worked_in_between_is_kept() -> None:
    memory = DialectMemory()
    for prompt in range(10):
        answered_in_doubt(memory, prompt)
        memory.learn("m", 100 + prompt, DEFAULT, DEFAULT, FORM)

    assert memory.get("m") == DEFAULT


def test_answers_that_did_not_use_the_feature_say_nothing_about_it() -> None:
    memory = DialectMemory()
    for prompt in range(3):
        answered_in_doubt(memory, prompt)
        memory.learn("m", 100 + prompt, memory.get("m"), memory.get("m"), STREAM)

    assert memory.get("m") == OBJECT


def test_failures_of_a_prompt_are_counted_until_it_succeeds() -> None:
    memory = DialectMemory()
    counts = [memory.fail("m", PROMPT_ID), memory.fail("m", PROMPT_ID), memory.fail("m", PROMPT_ID + 1)]
    memory.learn("m", PROMPT_ID, DEFAULT, DEFAULT, FORM)

    assert [*counts, memory.fail("m", PROMPT_ID)] == [1, 2, 1, 1]


def test_an_option_that_was_adapted_is_logged_once() -> None:
    memory = DialectMemory()
    with capture_logs() as logs:
        for _ in range(3):
            memory.learn("m", PROMPT_ID, DEFAULT, Dialect(options=OPTIONS), FORM)

    assert sorted((log["event"], log["model"], log["option"], log["sent_as"] or "") for log in logs) == [
        ("model.option_adapted", "m", "max_tokens", "max_new_tokens"),
        ("model.option_adapted", "m", "seed", ""),
    ]


def test_a_slow_model_is_streamed_until_it_is_fast_again() -> None:
    memory = DialectMemory()
    memory.slow("m")
    was_slow = memory.get("m").streams_all
    for _ in range(9):
        memory.fast("m")
    is_slow = memory.get("m").streams_all
    memory.fast("m")

    assert (was_slow, is_slow, memory.get("m").streams_all) == (True, True, False)
    assert memory.known == {}


def test_doubts_do_not_pile_up() -> None:
    memory = DialectMemory()
    for prompt in range(5_000):
        memory.doubt("m", prompt, OBJECT)

    assert len(memory._prompts) <= 1_000
    assert memory.get("m", 4_999) == OBJECT
