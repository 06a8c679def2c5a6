"""`.env.example` and `Settings` say the same."""

import re
from pathlib import Path

import msgspec

from aether.settings import Settings

LINES = Path(__file__).parents[2].joinpath(".env.example").read_text(encoding="utf-8").splitlines()
ASSIGNMENT = re.compile(r"(?P<off># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")


def assignments() -> list[re.Match[str]]:
    return [found for line in LINES if (found := ASSIGNMENT.fullmatch(line))]


def test_every_setting_stands_there_once_and_nothing_else() -> None:
    assert sorted(found["name"] for found in assignments()) == sorted(Settings.__struct_encode_fields__)


def test_what_is_set_is_the_default() -> None:
    given = {found["name"]: found["value"] for found in assignments() if not found["off"]}

    assert given == Settings().as_environment()
    assert msgspec.structs.asdict(Settings.from_env(given)) == msgspec.structs.asdict(Settings())


def test_what_has_no_default_is_commented_out() -> None:
    pairs = zip(Settings.__struct_encode_fields__, Settings.__struct_fields__, strict=True)
    without = {variable for variable, name in pairs if getattr(Settings(), name) is None}

    assert {found["name"] for found in assignments() if found["off"]} == without


def test_every_other_line_is_a_comment_that_no_shell_or_compose_would_read() -> None:
    others = [line for line in LINES if not ASSIGNMENT.fullmatch(line)]

    assert [line for line in others if line and not line.startswith("# ")] == []


def test_no_value_needs_quotes() -> None:
    assert [found[0] for found in assignments() if re.search(r"[\s'\"#$`\\]", found["value"])] == []
