"""API client: how the commands talk to a server."""
