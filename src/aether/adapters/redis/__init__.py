"""Redis: the job store and the queue."""
