"""The `aether` command of a newer version: it has one kind of job more, the example kind."""

from aether.cli.commands.main import main
from tests.example_kind import register

if __name__ == "__main__":
    REGISTRATION = register()
    main()
