"""Commands: the subcommands of `aether`, except those of the kinds."""
