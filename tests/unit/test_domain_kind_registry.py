from importlib import import_module

import pytest

from aether.domain.job import Kind
from aether.domain.kind_registry import KindRegistry, MissingKindError

HERE = "tests.unit.test_domain_kind_registry"
TARGETS = dict.fromkeys(Kind, f"{HERE}:ENTRY")
ENTRY = object()
OTHER = object()
EXAMPLE = Kind("example")


def test_each_kind_has_the_entry_that_its_target_names() -> None:
    registry: KindRegistry[object] = KindRegistry("here", TARGETS | {Kind.IMAGE: f"{HERE}:OTHER"})

    assert list(registry) == list(Kind)
    assert [type(registry[Kind.REPORT]), len(registry)] == [object, len(Kind)]
    assert registry[Kind.IMAGE] is not registry[Kind.REPORT]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kind_without_an_entry_is_named_at_once(kind: Kind) -> None:
    with pytest.raises(MissingKindError, match=f"here has no entry for Kind.{kind.name};"):
        KindRegistry("here", {each: target for each, target in TARGETS.items() if each is not kind})


def test_an_unknown_kind_has_no_entry() -> None:
    registry: KindRegistry[object] = KindRegistry("here", TARGETS)

    assert EXAMPLE not in registry
    assert registry.get(EXAMPLE) is None


def test_another_kind_is_registered_for_a_while() -> None:
    registry: KindRegistry[object] = KindRegistry("here", TARGETS)

    with registry.registered(EXAMPLE, f"{HERE}:OTHER"):
        assert list(registry) == [*Kind, EXAMPLE]
        assert registry[Kind("example")] is not None
    assert list(registry) == list(Kind)


def test_a_known_kind_is_replaced_for_a_while() -> None:
    registry: KindRegistry[object] = KindRegistry("here", TARGETS)
    assert registry[Kind.REPORT] is entry_of("ENTRY")

    with registry.registered(Kind.REPORT, f"{HERE}:OTHER"):
        assert list(registry) == list(Kind)
        assert registry[Kind.REPORT] is entry_of("OTHER")
    assert registry[Kind.REPORT] is entry_of("ENTRY")


def entry_of(name: str) -> object:
    return getattr(import_module(HERE), name)


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    registry: KindRegistry[object] = KindRegistry("here", TARGETS | {Kind.IMAGE: "no.such.module:ENTRY"})

    assert registry[Kind.REPORT] is not None
    with pytest.raises(ModuleNotFoundError):
        _ = registry[Kind.IMAGE]
