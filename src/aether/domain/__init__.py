"""Domain: records of jobs, statuses and their allowed changes, events, and pure functions. No I/O."""
