"""GC tuning: how often a process collects garbage."""

import gc


def tune_gc() -> None:
    """Collect less often: most of the heap are requests and model calls in progress, of which nothing can be freed."""
    gc.collect()
    gc.freeze()  # modules and classes are never freed
    gc.set_threshold(10_000, 20, 100)
