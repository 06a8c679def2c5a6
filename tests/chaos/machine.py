"""Machine: how busy it is while a scenario runs beside other work."""

import threading
from types import TracebackType
from typing import Self

from tests.chaos.measures import quantile
from tests.waiting import slowness

_EVERY_S = 0.25


class BusyMachine:
    """Measures the slowness of the machine from time to time, for as long as the block lasts."""

    def __init__(self) -> None:
        self._samples: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="chaos-machine", daemon=True)

    @property
    def slowness(self) -> float:
        """What nine samples of ten did not exceed."""
        return max(1.0, quantile(self._samples, 0.9))

    def _measure(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._samples.append(slowness(sample_s=0.02))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
