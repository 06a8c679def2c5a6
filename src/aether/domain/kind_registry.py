"""Kind registry: where one layer keeps its entry for each kind of job."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Generic, TypeVar

from typing_extensions import override

from aether.domain.job import Kind

EntryT = TypeVar("EntryT")


class MissingKindError(LookupError):
    """A layer has no entry for a kind: a defect of the program, found when the layer's registry is imported."""

    def __init__(self, layer: str, kind: Kind) -> None:
        super().__init__(f"{layer} has no entry for Kind.{kind.name}; docs/adding-a-kind.md says how to add one.")


class KindRegistry(Mapping[Kind, EntryT], Generic[EntryT]):
    """The entries of one layer, by kind.

    `targets` says where each entry is defined, as `package.module:NAME`. A module is imported when its entry is first
    asked for, so that a process loads only the kinds it needs.

    Raises:
        MissingKindError: a member of `Kind` has no target.
    """

    def __init__(self, layer: str, targets: Mapping[Kind, str]) -> None:
        self._layer = layer
        self._targets = dict(targets)
        self._entries: dict[Kind, EntryT] = {}
        for kind in Kind:
            if kind not in targets:
                raise MissingKindError(layer, kind)

    @override
    def __getitem__(self, kind: Kind) -> EntryT:
        if kind not in self._entries:
            self._entries[kind] = resolve_name(self._targets[kind])
        return self._entries[kind]

    @override
    def __contains__(self, kind: object) -> bool:
        return kind in self._targets

    @override
    def __iter__(self) -> Iterator[Kind]:
        return iter(self._targets)

    @override
    def __len__(self) -> int:
        return len(self._targets)

    @contextmanager
    def registered(self, kind: Kind, target: str) -> Iterator[None]:
        """Use this entry for a kind inside the block: a new kind, such as the tests' example, or a known one."""
        before = self._targets, self._entries
        self._targets = self._targets | {kind: target}
        self._entries = {known: entry for known, entry in self._entries.items() if known != kind}
        try:
            yield
        finally:
            self._targets, self._entries = before
