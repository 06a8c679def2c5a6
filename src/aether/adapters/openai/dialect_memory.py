"""Dialect memory: what the calls to a server have taught about the dialects of its models."""

from collections.abc import Callable, Iterator, Mapping

import structlog
from msgspec.structs import replace

from aether.adapters.openai.dialect import Dialect

log = structlog.get_logger()

_STRIKES = 3
_MAX_PROMPTS = 1_000
_FAST_STREAMS = 10
_DEFAULT = Dialect()


class _Prompt:
    """A prompt whose latest attempts have failed: how often, and how the next one asks, if not as usual."""

    __slots__ = ("doubt", "failures")

    def __init__(self) -> None:
        self.failures = 0
        self.doubt: Dialect | None = None


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
        self._prompts: dict[tuple[str, int], _Prompt] = {}
        self._strikes: dict[tuple[str, str], int] = {}
        self._fast_streams: dict[str, int] = {}

    @property
    def known(self) -> Mapping[str, Dialect]:
        """The dialects that differ from the default, by model."""
        return self._known

    def get(self, model: str, prompt: int = 0) -> Dialect:
        """Return how to ask a model, without what an attempt of the same prompt (its hash) has put in doubt."""
        failed = self._prompts.get((model, prompt)) if self._prompts else None
        if failed is not None and failed.doubt is not None:
            return failed.doubt
        return self._known.get(model, _DEFAULT)

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

    def fail(self, model: str, prompt: int) -> int:
        """Count a failed attempt of a prompt, and return how many have failed in a row."""
        failed = self._prompt(model, prompt)
        failed.failures += 1
        return failed.failures

    def doubt(self, model: str, prompt: int, dialect: Dialect | None) -> None:
        """Ask the same prompt in another way next time; None stands for the way that is certain."""
        self._prompt(model, prompt).doubt = dialect

    def _prompt(self, model: str, prompt: int) -> _Prompt:
        """Return what is kept of a prompt; only those that failed last are kept."""
        failed = self._prompts.pop((model, prompt), None) or _Prompt()
        while len(self._prompts) >= _MAX_PROMPTS:
            del self._prompts[next(iter(self._prompts))]
        self._prompts[model, prompt] = failed
        return failed

    def learn(self, model: str, prompt: int, start: Dialect, used: Dialect, features: frozenset[str]) -> None:
        """Learn from a usable answer to a call that started with one dialect and succeeded with another.

        `features` names the fields of the dialect that the call has tried: "form", "stream".
        """
        failed = self._prompts.pop((model, prompt), None) if self._prompts else None
        if failed is not None and failed.doubt is not None:
            start = self.get(model)
            if not self._has_helped(model, start, used):
                return
        for feature in features if self._strikes else ():
            self._strikes.pop((model, feature), None)
        if used != start:
            self.set(model, self.get(model).merge(start, used))

    def _has_helped(self, model: str, start: Dialect, used: Dialect) -> bool:
        """Whether it has helped often enough to do without what is in doubt."""
        keys = [(model, feature) for feature in _changes(start, used)]
        for key in keys:
            self._strikes[key] = self._strikes.get(key, 0) + 1
        return all(self._strikes[key] >= _STRIKES for key in keys)

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


def _changes(start: Dialect, used: Dialect) -> Iterator[str]:
    return (field for field in start.__struct_fields__ if getattr(start, field) != getattr(used, field))
