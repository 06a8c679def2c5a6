"""Processes: what tests start, and what is shown of them when a test fails."""
