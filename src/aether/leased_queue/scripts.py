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
from aether.leased_queue.key_names import Key, key_prefix
from aether.leased_queue.server_version import check_version

Argument = str | bytes | int
_PREFIX = "%prefix%"  # stands in a text where the prefix of the client is to be


def lua_constants(names: Mapping[str, object]) -> str:
    """Return the upper-case names of a module as Lua locals, so that both languages share one definition."""
    constants = ((name, value) for name, value in names.items() if name.isupper() and not name.startswith("_"))
    return "".join(f"local {name} = {_lua_value(value)}\n" for name, value in constants)


def _lua_value(value: object) -> str:
    return repr(f"{_PREFIX}{value}" if isinstance(value, Key) else value)


def read_lua(name: str) -> str:
    """Return the text of a file in `lua/`."""
    return files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


def lua_source(*libraries: str, before: str = "") -> str:
    """Return Lua to put before another script, with `enqueue`, `withdraw`, `depth`, `now_ms` and `whole` as locals.

    Args:
        libraries: Further files in `lua/`. Each costs the server about a microsecond in each run of the script.
        before: Lua that runs after `clock.lua` and `progress.lua`, but before all else, and may return.
    """
    first = map(read_lua, ("clock", "progress"))
    return "\n".join([lua_constants(vars(keys)), *first, before, *map(read_lua, ("fair_queue", "enqueue", *libraries))])


@dataclass(frozen=True, slots=True)
class Script:
    """A script that builds the names of its keys from ids, as arq does.

    It declares one key, from which a cluster and its proxies know the slot; a prefix with a hash tag brings all others
    into that slot. The prefix is a part of the text, since joining strings would cost the server time in each run.
    """

    text: str
    _by_prefix: dict[str, tuple[str, str]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def command(self, client: Any, *, by_name: bool) -> tuple[str | int, ...]:  # as in `key_names`
        """Return the command that runs the script for this client, without the script's arguments."""
        prefix = key_prefix(client)
        if prefix not in self._by_prefix:
            text = self.text.replace(_PREFIX, prefix)
            digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            self._by_prefix[prefix] = (text, digest)
        text, digest = self._by_prefix[prefix]
        return (*(("EVALSHA", digest) if by_name else ("EVAL", text)), 1, prefix + keys.DECLARED)

    async def run(self, client: redis.asyncio.Redis, args: Sequence[Argument], **options: Any) -> Any:
        """Run the script in one round trip, or in three if the server does not know it yet.

        `options` are those of the client's `execute_command`. A server that knows the script has been checked, so each
        server is checked before its first script, also after a failover.

        Raises:
            UnsupportedServerError: The server is too old; nothing was run.
        """
        send: Callable[..., Awaitable[Any]] = client.execute_command  # untyped in redis-py
        try:
            return await send(*self.command(client, by_name=True), *args, **options)
        except NoScriptError:
            with suppress(ResponseError):  # not everybody may send INFO, and fakeredis does not know it
                check_version(await send("INFO", "server"))
            return await send(*self.command(client, by_name=False), *args)

    def run_blocking(self, client: redis.Redis, args: Sequence[Argument]) -> Any:
        """Run the script as `run` does, for threads."""
        send: Callable[..., Any] = client.execute_command  # untyped in redis-py
        try:
            return send(*self.command(client, by_name=True), *args)
        except NoScriptError:
            with suppress(ResponseError):
                check_version(send("INFO", "server"))
            return send(*self.command(client, by_name=False), *args)


@dataclass(frozen=True, slots=True)
class QueueScripts:
    """The scripts of a worker; replaceable, so that a test can take out a part and show that it is needed."""

    claim: Script = field(default_factory=lambda: Script(lua_source("quarantine", "claim")))
    extend: Script = field(default_factory=lambda: Script(lua_source("quarantine", "ownership", "extend")))
    end_leases: Script = field(default_factory=lambda: Script(lua_source("quarantine", "end_leases")))
    ack: Script = field(default_factory=lambda: Script(lua_source("quarantine", "ownership", "ack")))
