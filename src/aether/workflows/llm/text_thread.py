"""Text thread: works on long texts outside the event loop, so that no text delays other jobs."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

_MAX_INLINE = 2_000
"""Characters up to which the slowest text takes a few milliseconds, hardly more than a change of threads."""
# One thread: several would compete with the event loop for the interpreter.
_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="texts")


async def work_on_text(work: Callable[[], T], length: int) -> T:
    """Call `work` on a text of this length: at once if it is short, else in the thread."""
    if length <= _MAX_INLINE:
        return work()
    context = copy_context()  # what logs say of the job
    return await asyncio.get_running_loop().run_in_executor(_executor, context.run, work)
