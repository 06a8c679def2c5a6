"""Server process of the local model: `python -m aether.adapters.local.local_model.server FOLDER`.

FOLDER is private to parent and child. The parent writes `order.json` there, and the child writes `port` when it is
ready.
"""

import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from aether.adapters.local.local_model.sampling import SAMPLING


class ServerOptions(msgspec.Struct, frozen=True):
    """What to serve, and how; `port` 0 means any free port."""

    model: str
    name: str
    port: int
    api_key: str
    threads: int
    slots: int
    context: int

    def write(self, folder: Path) -> None:
        """Write the options for the child to a private file, since every user of the machine can list arguments."""
        path = folder / "order.json"
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.encode(self))


def take_port(folder: Path) -> int | None:
    """Read and delete the port that the child has written, if any, so that it is not taken for the next child's."""
    file = folder / "port"
    if not file.exists():
        return None
    port = int(file.read_text())
    file.unlink()
    return port


def main(folder: Path) -> None:
    """Serve until SIGTERM."""
    options = msgspec.json.decode((folder / "order.json").read_bytes(), type=ServerOptions)
    # Blocked before the server starts its threads, which inherit this, so that only `sigwait` receives the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        server = _serve(options)
    except RuntimeError as error:
        # The log lines before give the reason; a traceback would push them out of the parent's error message.
        raise SystemExit(str(error)) from None
    _write_port(folder, server.listening_address)
    signal.sigwait({signal.SIGTERM})


def _serve(options: ServerOptions) -> Any:  # an xllamacpp.Server; the package has no type information
    # Imported here, since it takes half a second, and the parent needs only `ServerOptions`.
    import xllamacpp  # noqa: PLC0415 - see above

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = {options.name}
    params.hostnames = ["127.0.0.1"]
    params.port = options.port
    params.api_keys = [options.api_key]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    params.n_parallel = options.slots
    params.n_ctx = options.context
    params.kv_unified = True  # a long request may use the context that short ones leave
    params.cache_ram_mib = 0  # prompts rarely repeat; the default caches up to 8 GiB of them
    params.ui = params.endpoint_slots = False
    params.n_predict = SAMPLING.max_tokens
    params.verbosity = 2  # warnings and errors; the next level logs every request
    _set_sampling(params.sampling)
    return xllamacpp.Server(params)


def _set_sampling(sampling: Any) -> None:
    sampling.temp = SAMPLING.temperature
    sampling.min_p = SAMPLING.min_p
    sampling.penalty_freq = SAMPLING.frequency_penalty
    sampling.penalty_last_n = SAMPLING.repeat_last_n


def _write_port(folder: Path, address: str) -> None:
    # Renamed into place, so that the parent never reads a part of the number.
    temporary = folder / "port.new"
    temporary.write_text(address.rpartition(":")[2])
    temporary.replace(folder / "port")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
