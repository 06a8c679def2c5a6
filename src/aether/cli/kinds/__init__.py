"""Kinds: the registry of the command line, one entry for each kind of job."""
