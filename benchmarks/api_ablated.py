"""`aether api` without one part of it; takes the name of the part, then the arguments of the API."""

import sys

from aether.api.jobs.response_cache import ResponseCache
from aether.cli.commands.main import main


def _remove(part: str) -> None:
    match part:
        case "response cache":
            ResponseCache.__init__.__defaults__ = (0,)  # bytes that it may hold
        case "nothing":
            pass
        case _:
            raise SystemExit(f"unknown part: {part}")


if __name__ == "__main__":
    _remove(sys.argv.pop(1))
    main()
