"""Outbound HTTP: the guard for requests to addresses that a caller gave."""
