"""How large each scenario is, among the other tests and in a long run."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.chaos.rows import Outcome
from tests.chaos.scenarios import ALL
from tests.chaos.trial import Size, Trial

SHORT = {
    "poison": Size(0, 20, workers=2),
    "cuts": Size(0, 8, 2),
    "zombies": Size(3, 16, 2, workers=2),
    "soak": Size(6, 40, workers=2),
    "kills": Size(3, 16, 2, workers=2),
    "outages-always": Size(2, 16, 3, workers=2),
    "outages-everysec": Size(2, 16, 3, workers=2),
    "power-cuts": Size(4, 20, workers=2),
    "rolling": Size(2, 16, 10, workers=2),
    "model-cuts": Size(2, 10, workers=2),
    "cancels": Size(0, 24, 2, workers=1),
    "equals": Size(0, 10, workers=2),
}

_SHARE = {
    "kills": 5.0,
    "zombies": 3.0,
    "rolling": 1.0,
    "outages-always": 2.5,
    "outages-everysec": 1.5,
    "power-cuts": 1.0,
    "cuts": 2.5,
    "model-cuts": 0.7,
    "soak": 4.0,
}
"""How the time of a long run is divided; what is not named takes no longer than it takes."""
_JOBS_PER_S = {
    "kills": 5.0,
    "zombies": 5.0,
    "rolling": 8.0,
    "outages-always": 6.0,
    "outages-everysec": 6.0,
    "power-cuts": 8.0,
    "model-cuts": 8.0,
    "soak": 10.0,
}
_JOBS = {
    "outages-always": 500,
    "outages-everysec": 500,
    "cuts": 12,
    "poison": 20,
    "equals": 50,
    "cancels": 100,
    "soak": 1_000,
}
"""The most of them, whatever the time."""


def long_size(name: str, minutes: float, beside: Sequence[str]) -> Size:
    """Return a scenario's size if all these scenarios take that long together."""
    whole = sum(_SHARE.get(other, 0.0) for other in beside)
    seconds = 60 * minutes * _SHARE.get(name, 0.0) / whole if whole else 0.0
    most = _JOBS.get(name, 10**6)
    return Size(seconds, min(most, max(20, round(seconds * _JOBS_PER_S[name]))) if name in _JOBS_PER_S else most)


def run(name: str, folder: Path, seed: int, size: Size, slowness: Callable[[], float] = lambda: 1.0) -> Outcome:
    """Run one scenario and return what it found; `slowness` is a factor for all bounds in seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    trial = Trial(name, folder, seed, size, slowness)
    ALL[name](trial)
    return trial.outcome
