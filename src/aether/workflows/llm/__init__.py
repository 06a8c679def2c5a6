"""LLM: the ports to language models, conversations with them, and the clean-up of their answers."""
