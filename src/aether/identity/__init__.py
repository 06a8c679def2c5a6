"""Identity: API keys, tokens, and who sends a request."""
