"""Lua scripts of the queue: how they are put together and run."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import NoScriptError, ResponseError

from aether.leased_queue import keys
from aether.leased_queue.server_version import check_version

Argument = str | bytes | int


def lua_constants(names: Mapping[str, object]) -> str:
    """Return the upper-case names of a module as Lua locals, so that both languages share one definition."""
    constants = ((name, value) for name, value in names.items() if name.isupper() and not name.startswith("_"))
    return "".join(f"local {name} = {value!r}\n" for name, value in constants)


def read_lua(name: str) -> str:
    """Return the text of a file in `lua/`."""
    return files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


def lua_source(*libraries: str) -> str:
    """Return Lua to put before another script, with `enqueue`, `withdraw`, `depth`, `now_ms` and `whole` as locals.

    Args:
        libraries: Further files in `lua/`, such as "quarantine" for `reset_delivery_count`. Each costs the server about
            a microsecond in each run of the script.
    """
    return "\n".join([lua_constants(vars(keys)), *map(read_lua, ("fair_queue", "enqueue", *libraries))])


@dataclass(frozen=True, slots=True)
class Script:
    """A script without KEYS: it builds keys from ids, as arq does, so Redis Cluster is not supported."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)

    async def run(self, client: redis.asyncio.Redis, args: Sequence[Argument], **options: Any) -> Any:
        """Run the script in one round trip, or in three if the server does not know it yet.

        `options` are those of the client's `execute_command`. A server that knows the script has been checked, so each
        server is checked before its first script, also after a failover.

        Raises:
            UnsupportedServerError: The server is too old; nothing was run.
        """
        send: Callable[..., Awaitable[Any]] = client.execute_command  # untyped in redis-py
        try:
            return await send("EVALSHA", self.sha, 0, *args, **options)
        except NoScriptError:
            with suppress(ResponseError):  # not everybody may send INFO, and fakeredis does not know it
                check_version(await send("INFO", "server"))
            return await send("EVAL", self.text, 0, *args)

    def run_blocking(self, client: redis.Redis, args: Sequence[Argument]) -> Any:
        """Run the script as `run` does, for threads."""
        send: Callable[..., Any] = client.execute_command  # untyped in redis-py
        try:
            return send("EVALSHA", self.sha, 0, *args)
        except NoScriptError:
            with suppress(ResponseError):
                check_version(send("INFO", "server"))
            return send("EVAL", self.text, 0, *args)


@dataclass(frozen=True, slots=True)
class QueueScripts:
    """The scripts of a worker; replaceable, so that a test can take out a part and show that it is needed."""

    claim: Script = field(default_factory=lambda: Script(lua_source("quarantine", "claim")))
    extend: Script = field(default_factory=lambda: Script(lua_source("quarantine", "ownership", "extend")))
    end_leases: Script = field(default_factory=lambda: Script(lua_source("quarantine", "end_leases")))
    ack: Script = field(default_factory=lambda: Script(lua_source("quarantine", "ownership", "ack")))
