"""The local model's process: `python -m aether.adapters.local.local_model.server FOLDER`.

FOLDER is private to parent and child: the parent leaves `order.json` there, the child answers with `port` once it
serves.
"""

import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from aether.adapters.local.local_model.sampling import SAMPLING


class ServerOptions(msgspec.Struct, frozen=True):
    """What to serve, and how; `port` 0 takes any free one."""

    model: str
    name: str
    port: int
    api_key: str
    threads: int
    slots: int
    context: int

    def leave(self, folder: Path) -> None:
        """Write the order where the child looks for it; a key has no place in arguments, which every user can list."""
        path = folder / "order.json"
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.encode(self))


def take_port(folder: Path) -> int | None:
    """Take away the child's answer, if it is there, so that the next child's is not mistaken for it."""
    told = folder / "port"
    if not told.exists():
        return None
    port = int(told.read_text())
    told.unlink()
    return port


def main(folder: Path) -> None:
    """Serve until SIGTERM."""
    order = msgspec.json.decode((folder / "order.json").read_bytes(), type=ServerOptions)
    # Blocked before the server starts its threads, so that all of them leave the signal to `sigwait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        server = _serve(order)
    except RuntimeError as error:
        # The reason stands in the lines before, which a traceback would push out of the parent's error message.
        raise SystemExit(str(error)) from None
    _tell_port(folder, server.listening_address)
    signal.sigwait({signal.SIGTERM})


def _serve(order: ServerOptions) -> Any:  # an xllamacpp.Server; the package has no type information
    # Imported late: it takes half a second, and the parent, which needs only `ServerOptions`, must not wait for it.
    import xllamacpp  # noqa: PLC0415 - see above

    params = xllamacpp.CommonParams()
    params.model.path = order.model
    params.model_alias = {order.name}
    params.hostnames = ["127.0.0.1"]
    params.port = order.port
    params.api_keys = [order.api_key]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order.threads
    params.n_parallel = order.slots
    params.n_ctx = order.context
    params.kv_unified = True  # one long request may take what short ones leave
    params.cache_ram_mib = 0  # prompts here hardly repeat; the default keeps up to 8 GiB of them
    params.ui = params.endpoint_slots = False
    params.verbosity = 2  # warnings and errors: an informative log repeats every request
    _sample(params.sampling)
    return xllamacpp.Server(params)


def _sample(sampling: Any) -> None:
    sampling.temp = SAMPLING.temperature
    sampling.min_p = SAMPLING.min_p
    sampling.penalty_freq = SAMPLING.frequency_penalty
    sampling.penalty_last_n = SAMPLING.repeat_last_n


def _tell_port(folder: Path, address: str) -> None:
    # Renamed into place, so that the parent never reads half a number.
    unfinished = folder / "port.new"
    unfinished.write_text(address.rpartition(":")[2])
    unfinished.replace(folder / "port")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
