"""Aether turns a topic into a structured report, durably."""

__version__ = "0.1.0"
