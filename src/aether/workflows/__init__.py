"""Workflows: how each kind of job is made, one folder per kind, and what they share to talk with models."""
