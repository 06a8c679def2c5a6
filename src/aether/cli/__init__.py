"""The command line (CLI): the `aether` command."""
