"""Identity: API keys, tokens, and the authenticator that turns credentials into a caller."""
