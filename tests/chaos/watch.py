"""Looking at jobs while they run: what was seen once must stay so."""

import hashlib
import random
import threading
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

import redis

from aether.domain.job import Job, StepStatus
from tests.chaos.evidence import read_jobs

_EVERY_S = 0.1
_AT_ONCE = 40


class Watch:
    """Reads some of the jobs all the time, and notes progress that falls and results that change.

    Call `compare` with the final records too.
    """

    def __init__(self, url: str, ids: Callable[[], Collection[str]], seed: int) -> None:
        self._client = redis.Redis.from_url(url)
        self._ids = ids
        self._random = random.Random(seed)  # noqa: S311 - the same dice again are the point
        self._progress: dict[str, float] = {}
        self._results: dict[tuple[str, str], bytes] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="chaos-watch", daemon=True)
        self.looks = 0
        self.wrong: list[str] = []

    def compare(self, job: Job) -> None:
        """Hold a record against what was seen before."""
        self.looks += 1
        if job.progress < (before := self._progress.get(job.id, 0.0)):
            self.wrong.append(f"progress of {job.id} fell from {before} to {job.progress}")
        self._progress[job.id] = job.progress
        seen = {step.name: _digest(bytes(step.result)) for step in job.steps if step.status is StepStatus.DONE}
        for name, digest in seen.items():
            if self._results.setdefault((job.id, name), digest) != digest:
                self.wrong.append(f"the result of {name} of {job.id} was replaced")

    def forget(self) -> None:
        """Start anew: Redis was made to lose what it had told."""
        self._progress.clear()
        self._results.clear()

    def _look(self) -> None:
        while not self._ended.wait(_EVERY_S):
            ids = list(self._ids())
            some = self._random.sample(ids, min(_AT_ONCE, len(ids)))
            try:
                jobs = read_jobs(self._client, some)
            except (redis.RedisError, OSError):
                continue
            for job in filter(None, jobs):
                self.compare(job)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._client.close()


def _digest(result: bytes) -> bytes:
    return hashlib.blake2b(result, digest_size=8).digest()
