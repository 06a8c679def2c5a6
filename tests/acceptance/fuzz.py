"""Fuzzes the service with schemathesis: `python -m tests.acceptance.fuzz --seconds 60 --seed 1`."""

import argparse
import os
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.acceptance.serving import Service, serving
from tests.acceptance.tools import ROOT, TOOLS

_CONFIG = Path(__file__).with_name("schemathesis.toml")


def main() -> int:
    """Return the exit status of schemathesis, or 1 if the API met an error that nobody expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    wanted, more = parser.parse_known_args()
    say(f"fuzzing for {wanted.seconds} s; to repeat it: make fuzz SECONDS={wanted.seconds} SEED={wanted.seed}")
    with TemporaryDirectory() as folder, serving(Path(folder)) as service:
        status = _fuzz(service, ["--max-time", str(wanted.seconds), "--seed", str(wanted.seed), *more])
        failed = [line for line in _log(service) if '"request.failed"' in line]
    say("\n".join(failed))
    return status or bool(failed)


def say(line: str) -> None:
    """Write a line at once, before what schemathesis writes behind it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fuzz(service: Service, options: list[str]) -> int:
    command = [str(TOOLS / "bin" / "schemathesis"), "--config-file", str(_CONFIG), "run"]
    environment = {**os.environ, **service.environment}
    document = f"{service.url}/schema/openapi.json"
    return subprocess.run([*command, document, *options], cwd=ROOT, env=environment, check=False).returncode


def _log(service: Service) -> list[str]:
    return service.stack.api.log.read_text(errors="replace").splitlines()


if __name__ == "__main__":
    sys.exit(main())
