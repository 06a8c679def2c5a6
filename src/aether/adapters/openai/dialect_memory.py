"""Dialect memory: what the calls to a server have taught about the dialects of its models."""

from collections.abc import Callable, Mapping

import structlog
from msgspec.structs import replace

from aether.adapters.openai.dialect import Dialect

log = structlog.get_logger()

_STRIKES = 3
_MAX_DOUBTS = 1_000
_FAST_STREAMS = 10
_DEFAULT = Dialect()


class DialectMemory:
    """The dialects of one server's models; `known` is one value that can be stored and shared.

    Besides what is certain there are doubts: a server error may mean that the server does not support a feature, or
    nothing at all. The next attempt of the same prompt then does without the feature. When that has helped three times,
    and the feature has not worked in between, it is no longer used.
    """

    def __init__(
        self, known: Mapping[str, Dialect] | None = None, on_change: Callable[[str, Dialect], object] | None = None
    ) -> None:
        self._known = dict(known or {})
        self._on_change = on_change
        self._doubts: dict[tuple[str, int], Dialect] = {}
        self._strikes: dict[str, int] = {}
        self._fast_streams: dict[str, int] = {}

    @property
    def known(self) -> Mapping[str, Dialect]:
        """The dialects that differ from the default, by model."""
        return self._known

    def get(self, model: str, prompt: int = 0) -> Dialect:
        """Return how to ask a model, without what an attempt of the same prompt (its hash) has put in doubt."""
        known = self._known.get(model, _DEFAULT)
        return self._doubts.get((model, prompt), known) if self._doubts else known

    def set(self, model: str, dialect: Dialect) -> None:
        """Remember a dialect, and report it if it is new."""
        before = self._known.get(model, _DEFAULT)
        if dialect == before:
            return
        for option, sent_as in dialect.options.items() - before.options.items():
            log.warning("model.option_adapted", model=model, option=option, sent_as=sent_as)
        if dialect == _DEFAULT:
            del self._known[model]
        else:
            self._known[model] = dialect
        if self._on_change is not None:
            self._on_change(model, dialect)

    def doubt(self, model: str, prompt: int, dialect: Dialect | None) -> None:
        """Ask the same prompt in another way next time; None stands for the way that is certain."""
        self._doubts.pop((model, prompt), None)
        if dialect is None:
            return
        while len(self._doubts) >= _MAX_DOUBTS:
            del self._doubts[next(iter(self._doubts))]
        self._doubts[model, prompt] = dialect

    def learn(self, model: str, prompt: int, start: Dialect, used: Dialect) -> None:
        """Learn from a usable answer to a call that started with one dialect and succeeded with another."""
        was_in_doubt = bool(self._doubts) and self._doubts.pop((model, prompt), None) is not None
        if was_in_doubt:
            self._strikes[model] = self._strikes.get(model, 0) + 1
            if self._strikes[model] < _STRIKES:
                return
            start = self.get(model)
        self._strikes.pop(model, None)
        if used != start:
            self.set(model, self.get(model).merge(start, used))

    def slow(self, model: str) -> None:
        """Stream all answers of a model from now on, because a whole one did not come in time."""
        self._fast_streams.pop(model, None)
        self.set(model, replace(self.get(model), is_slow=True))

    def fast(self, model: str) -> None:
        """Count a streamed answer that would have come in time as a whole; after ten, ask for whole ones again."""
        self._fast_streams[model] = self._fast_streams.get(model, 0) + 1
        if self._fast_streams[model] >= _FAST_STREAMS:
            del self._fast_streams[model]
            self.set(model, replace(self.get(model), is_slow=False))
