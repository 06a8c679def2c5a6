from aether.api import kinds as api
from aether.cli.kinds import KINDS
from aether.domain.job import Kind


def test_every_kind_has_an_entry() -> None:
    assert [kind for kind in KINDS if kind.is_known] == list(Kind)


def test_no_two_kinds_share_a_command_or_a_path() -> None:
    kinds = list(KINDS.values())
    assert len({kind.command.name for kind in kinds}) == len(kinds)
    assert len({kind.path for kind in kinds}) == len(kinds)


def test_the_command_line_and_the_api_agree_on_the_paths() -> None:
    assert {kind: entry.path for kind, entry in KINDS.items()} == {
        kind: resource.path for kind, resource in api.KINDS.items()
    }
