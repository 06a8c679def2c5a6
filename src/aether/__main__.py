"""`python -m aether` is the `aether` command."""

from aether.cli.commands.main import main

if __name__ == "__main__":
    main()
