"""What a job is: records, statuses and their legal moves, events, pure functions. No I/O."""
