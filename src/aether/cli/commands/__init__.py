"""Commands: what `aether` can be told to do."""
