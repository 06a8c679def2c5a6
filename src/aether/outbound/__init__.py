"""Outbound HTTP: protects requests to URLs that callers supply."""
