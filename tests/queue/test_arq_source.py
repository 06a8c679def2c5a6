import hashlib
import inspect
from collections.abc import Callable

import pytest
from arq import connections, jobs
from arq.worker import Worker


@pytest.mark.parametrize(
    ("part", "digest"),
    [
        (Worker.__init__, "edfb0cd7e05e77cf"),
        (Worker.run, "e683c7f402930145"),
        (Worker.async_run, "f3434c3dd359b31b"),
        (Worker.main, "45ca1591c9717466"),
        (Worker._poll_iteration, "f8d39d823a0a59f2"),
        (Worker.run_job, "589a19059ff84ee7"),
        (Worker.finish_job, "903f09c92830d3fd"),
        (Worker.finish_failed_job, "3e16087f318a7acf"),
        (Worker.heart_beat, "2e9959bea66dc551"),
        (Worker.run_cron, "7d2d3784e6567fb2"),
        (Worker.record_health, "108f4b8686c9402d"),
        (Worker.handle_sig, "985ff7ba01aa8f04"),
        (Worker.handle_sig_wait_for_completion, "8f161d86834cc74e"),
        (Worker.close, "5bcc9cb356680829"),
        (connections.create_pool, "4eff5aaa2071f020"),
        (jobs.Job.status, "b7b8d9da80a12c10"),
        (jobs.Job.abort, "4dd2f914d8b776b7"),
        (jobs.deserialize_job_raw, "f330dfaff8e2160f"),
    ],
    ids=lambda part: getattr(part, "__qualname__", ""),
)
def test_arqs_source_is_as_it_was_when_the_worker_was_written(part: Callable[..., object], digest: str) -> None:
    """When this fails, read what changed in arq, adapt the worker if need be, and only then change the digest."""
    assert hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:16] == digest
