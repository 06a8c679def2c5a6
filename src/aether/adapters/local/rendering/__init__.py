"""Rendering of documents in child processes, which are limited in time and memory and know no secrets."""
