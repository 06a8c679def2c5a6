"""Local processes and files: what commands find, start or stop on this machine."""
