"""Setting names: finds environment variables that are no settings, and the names that were meant."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from operator import itemgetter
from typing import NamedTuple

_PREFIX = "AETHER_"
_MIN_SIMILARITY = 0.7
_MIN_SIMILARITY_OF_OTHERS = 0.85
"""For names with other prefixes, which may be meant for other programs: only those that are close to a setting."""

# Other programs read the same from these.
_NAMES_ELSEWHERE = {
    "OPENAI_API_BASE": "OPENAI_BASE_URL",
    "OPENAI_KEY": "OPENAI_API_KEY",
    "OPENAI_MODEL": "AETHER_MODEL",
}

# Kubernetes sets these in each container, for a service whose name begins with `aether`.
_SERVICE_LINK = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)=.*|\w+_PORT=(tcp|udp)://.*", re.DOTALL
)
_READ_BY_OPENAI = frozenset({"OPENAI_ADMIN_KEY"})


class UnknownSetting(NamedTuple):
    """A variable that no setting has as its name, and the setting that was probably meant."""

    name: str
    nearest: str | None

    def __str__(self) -> str:
        advice = f"Did you mean {self.nearest}?" if self.nearest else "See .env.example for all settings."
        return f"{self.name} is not a setting. {advice}"


def unknown_settings(environment: Mapping[str, str], known: Collection[str]) -> tuple[UnknownSetting, ...]:
    """Return the variables that look like settings but are not; an empty one counts as not set."""
    given = [
        name
        for name, value in environment.items()
        if value and name not in known and not _SERVICE_LINK.fullmatch(f"{name}={value}")
    ]
    ours = (UnknownSetting(name, _nearest(name, known)) for name in given if name.upper().startswith(_PREFIX))
    return (*ours, *_misspelt(given, [name for name in known if not environment.get(name)]))


def _nearest(name: str, known: Collection[str]) -> str | None:
    """Return the setting whose name is most similar, whatever the prefix: AETHER_BASE_URL means OPENAI_BASE_URL."""
    wanted = name.upper().removeprefix(_PREFIX)
    candidates = sorted(known, key=lambda each: not each.startswith(_PREFIX))  # of equals, the first is taken
    rated = ((max(_likeness(wanted, each), _likeness(wanted, _stem(each))), each) for each in candidates)
    likeness, nearest = max(rated, key=itemgetter(0))
    return nearest if likeness >= _MIN_SIMILARITY else None


def _misspelt(names: Iterable[str], missing: Collection[str]) -> Iterator[UnknownSetting]:
    """Yield names with a prefix of others that are close to a setting that is not set."""
    others = [name for name in missing if not name.startswith(_PREFIX)]
    for name in names:
        if name.upper().startswith(_PREFIX) or name in _READ_BY_OPENAI:
            continue
        close = (each for each in others if _similarity(name.upper(), each) >= _MIN_SIMILARITY_OF_OTHERS)
        nearest = _NAMES_ELSEWHERE.get(name) or next(close, None)
        if nearest in missing:
            yield UnknownSetting(name, nearest)


def _stem(name: str) -> str:
    return name.partition("_")[2] if name.startswith((_PREFIX, "OPENAI_")) else name


def _similarity(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def _likeness(wanted: str, stem: str) -> float:
    """Rate the similarity from 0 to 1; a name with some of the words of the other, or with more, is similar too."""
    ratio, words, others = _similarity(wanted, stem), set(wanted.split("_")), set(stem.split("_"))
    return _MIN_SIMILARITY + (1 - _MIN_SIMILARITY) * ratio if words <= others or words >= others else ratio
