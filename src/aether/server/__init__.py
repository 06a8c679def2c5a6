"""HTTP server: the listening socket, the limits of each connection, and errors for requests that the API never sees."""
