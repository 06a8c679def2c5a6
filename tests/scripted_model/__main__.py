"""Run a scripted model: `python -m tests.scripted_model --outline-ms 300 --section-ms 700 --fail-rate 0.2 --seed 1`."""

import argparse
import gc
import signal
import sys
import threading
from pathlib import Path

import msgspec

from tests.scripted_model.actions import NAMED
from tests.scripted_model.process import Ready
from tests.scripted_model.script import Mix, Rule
from tests.scripted_model.server import ScriptedModel
from tests.scripted_model.setup import Setup


def parser() -> argparse.ArgumentParser:
    """Return the command line: one option for each field of `Setup`; those of the mix have short names."""
    line = argparse.ArgumentParser(prog="python -m tests.scripted_model", description=__doc__)
    line.add_argument("--port", type=int, default=0, help="0 takes a free one")
    line.add_argument("--rules", type=Path, help="a JSON file with an array of rules")
    line.add_argument("--fail-rate", type=float, default=0.0, help="share of calls that meet a random fault")
    line.add_argument("--faults", default=",".join(Mix().faults), help=f"comma-separated, from: {', '.join(NAMED)}")
    line.add_argument("--seed", type=int, default=0)
    line.add_argument("--at-most", type=int, default=0, help="no fault for a step called this often; 0: no limit")
    for field in msgspec.structs.fields(Setup):
        option = f"--{field.name.replace('_', '-')}"
        if isinstance(field.default, bool):
            line.add_argument(option, action=argparse.BooleanOptionalAction, default=field.default)
        elif isinstance(field.default, tuple):
            line.add_argument(option, default=",".join(field.default), help="comma-separated")
        elif not isinstance(field.default, Mix):
            line.add_argument(option, type=type(field.default), default=field.default)
    return line


def setup_from(options: argparse.Namespace) -> Setup:
    """Return the setup of a parsed command line."""
    mix = Mix(options.fail_rate, _names(options.faults), options.seed, at_most=options.at_most)
    values = {field.name: getattr(options, field.name) for field in msgspec.structs.fields(Setup)}
    for field in msgspec.structs.fields(Setup):
        if isinstance(field.default, tuple):
            values[field.name] = _names(values[field.name])
    return msgspec.convert(values | {"faults": mix}, Setup)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    options = parser().parse_args()
    rules = msgspec.json.decode(options.rules.read_bytes(), type=list[Rule]) if options.rules else []
    with ScriptedModel(setup_from(options), rules, port=options.port) as model:
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)  # the record only grows: searching it for garbage is wasted work
        sys.stdout.write(msgspec.json.encode(Ready(model.base_url)).decode() + "\n")
        sys.stdout.flush()
        stopped.wait()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


if __name__ == "__main__":
    main()
