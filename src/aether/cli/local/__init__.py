"""Local processes: the server, the store and the workers of one machine."""
