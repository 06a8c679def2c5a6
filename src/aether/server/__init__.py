"""The HTTP server in front of the API: its socket, its connections, and what is refused before the API is asked."""
