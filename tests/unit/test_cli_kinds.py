from aether.cli.kinds import KINDS
from aether.domain.job import Kind


def test_every_kind_has_an_entry() -> None:
    assert list(KINDS) == list(Kind)


def test_no_two_kinds_share_a_command_or_a_path() -> None:
    kinds = list(KINDS.values())
    assert len({kind.command.name for kind in kinds}) == len(kinds)
    assert len({kind.path for kind in kinds}) == len(kinds)
