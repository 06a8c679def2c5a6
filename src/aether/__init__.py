"""Aether turns a topic into a structured report, durably."""
