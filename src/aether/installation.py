"""Installation: how this copy of Aether was installed, and the command that adds the packages it lacks."""

import re
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "aether-reports"
"""The name in package indexes, where `aether` is a package of somebody else; the command and the import stay so."""

# Tools that give a command an environment of its own leave one of these files in it.
_COMMANDS_BY_FILE = {
    "pipx_metadata.json": ("pipx", "runpip", DISTRIBUTION, "install"),  # `inject` insists on all dependencies
    "uv-receipt.toml": ("uv", "pip", "install", "--python", sys.executable),
}
_EXTRA = r" extra == ['\"]{}['\"]"


def extra_hint(extra: str) -> str:
    """Return a sentence with the command that installs what the extra needs."""
    if packages := required_by(extra):
        return f"Install the extra `{extra}`: {install_command(packages)}"
    return f"Install {DISTRIBUTION} with the extra `{extra}`."


def required_by(extra: str, distribution: str = DISTRIBUTION) -> tuple[str, ...]:
    """Return what the extra needs, as its distribution declares it; () if that is not installed."""
    try:
        declared = requires(distribution) or ()
    except PackageNotFoundError:
        return ()
    parts = (each.partition(";") for each in declared)
    return tuple(package.strip() for package, _, marker in parts if re.fullmatch(_EXTRA.format(extra), marker))


def install_command(packages: Sequence[str], options: Sequence[str] = (), prefix: str = sys.prefix) -> str:
    """Return the command that adds packages to the environment at `prefix`.

    It names the packages themselves: this copy may come from an index, a wheel or a checkout.
    """
    found = (command for file, command in _COMMANDS_BY_FILE.items() if Path(prefix, file).exists())
    command = next(found, None) or _command_for(sys.executable)
    return shlex.join([*command, *options, *packages])


def _command_for(python: str) -> tuple[str, ...]:
    if find_spec("pip") is None:  # as in environments that uv makes
        return _COMMANDS_BY_FILE["uv-receipt.toml"]
    return python, "-m", "pip", "install"
