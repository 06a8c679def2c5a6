"""Middleware: what happens to every request and response, whichever handler is called."""
