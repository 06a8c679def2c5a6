"""Kinds: the registry of the API, one entry for each kind of job."""
