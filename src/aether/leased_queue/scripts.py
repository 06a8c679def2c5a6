"""The Lua scripts of the queue and how they are run."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import NoScriptError

from aether.leased_queue import keys

Argument = str | bytes | int


def lua_constants(names: Mapping[str, object]) -> str:
    """The upper-case names of a module as Lua locals, so that both languages share one definition."""
    constants = ((name, value) for name, value in names.items() if name.isupper() and not name.startswith("_"))
    return "".join(f"local {name} = {value!r}\n" for name, value in constants)


def read_lua(name: str) -> str:
    """The text of one file in `lua/`."""
    return files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


def lua_source() -> str:
    """Lua to prepend to another script: `enqueue`, `withdraw`, `depth`, `vindicate`, `ring` and `now_ms` as locals."""
    return "\n".join([lua_constants(vars(keys)), read_lua("fair_queue"), read_lua("enqueue")])


@dataclass(frozen=True, slots=True)
class Script:
    """A script that takes no KEYS: keys are built from ids inside it, as in arq, so Redis Cluster is out of reach."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)

    async def run(self, client: redis.asyncio.Redis, args: Sequence[Argument]) -> Any:
        """Run it in one round trip, or in two if the server does not know it yet."""
        send: Callable[..., Awaitable[Any]] = client.execute_command  # untyped in redis-py
        try:
            return await send("EVALSHA", self.sha, 0, *args)
        except NoScriptError:
            return await send("EVAL", self.text, 0, *args)

    def run_blocking(self, client: redis.Redis, args: Sequence[Argument]) -> Any:
        """`run` for threads."""
        send: Callable[..., Any] = client.execute_command  # untyped in redis-py
        try:
            return send("EVALSHA", self.sha, 0, *args)
        except NoScriptError:
            return send("EVAL", self.text, 0, *args)


def queue_script(*names: str) -> Script:
    """The named files behind everything they rely on."""
    return Script("\n".join([lua_source(), *map(read_lua, names)]))


@dataclass(frozen=True, slots=True)
class QueueScripts:
    """What a worker runs; replaceable, so that a test can take out the part it guards."""

    claim: Script = field(default_factory=lambda: queue_script("claim"))
    extend: Script = field(default_factory=lambda: queue_script("ownership", "extend"))
    ack: Script = field(default_factory=lambda: queue_script("ownership", "ack"))
