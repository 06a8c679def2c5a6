"""Local model: a small language model in a process of its own, used like any OpenAI-compatible server."""
