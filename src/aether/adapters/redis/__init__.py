"""Redis adapter: job store, inbox, webhooks, files, API keys, read tokens, rate limits and change hub."""
