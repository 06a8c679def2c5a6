"""How often a process looks for garbage."""

import gc


def tune_gc() -> None:
    """Collect less often: requests and calls in flight are a heap in which a collection finds nothing."""
    gc.collect()
    gc.freeze()  # modules and classes stay for good
    gc.set_threshold(10_000, 20, 100)
