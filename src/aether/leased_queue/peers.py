"""Peer watch: a worker whose process has died closes its connection, and its peers end its leases at once.

A wrong guess costs the run of a living worker, never a job: fences refuse what that worker writes from then on.
"""

import contextlib
import logging
import os
import re
import socket
from bisect import bisect
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import RedisError, ResponseError

from aether.leased_queue import keys
from aether.leased_queue.key_names import key_name
from aether.leased_queue.outage_log import OutageLog
from aether.leased_queue.scripts import Argument, Script, lua_source

_logger = logging.getLogger(__name__)
GRACE_S = 0.25
"""How long a connection must be gone. A living worker hears at once that it lost one, and announces another."""
_PEERS_WATCHED = 8
_PEERS_READ = 32
"""Of more peers than that, the announcements are read less often than at each look."""
_ANNOUNCE_AGAIN_S = 60.0
_ASK_AGAIN_S = 60.0
_ID = re.compile(rb"\bid=(\d+) addr=")
_ANNOUNCE = Script(
    lua_source()
    + """
redis.call('HSET', CONNECTIONS .. ARGV[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', CONNECTIONS .. ARGV[1], CONNECTIONS_MS)
return 1
"""
)


class _RefusedError(Exception):
    """Redis, or a proxy before it, does not let connections be watched."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as it is announced, with the lease of its worker.

    Each run of a server counts the ids of its clients from the beginning.
    """

    run_id: str
    client_id: str
    lease_ms: int

    @classmethod
    def parse(cls, announced: bytes) -> "Connection | None":
        """Read what `__str__` wrote; None if another version of it did."""
        match announced.decode().split(":"):
            case [run_id, client_id, lease_ms] if client_id.isdecimal() and lease_ms.isdecimal():
                return cls(run_id, client_id, int(lease_ms))
        return None

    def __str__(self) -> str:
        return f"{self.run_id}:{self.client_id}:{self.lease_ms}"


class PeerWatch:
    """Announces a worker's connection, watches those of its peers, and ends the leases of a peer whose one is gone.

    Where the commands are not allowed, it only asks again each minute, and leases alone decide. All its methods are
    called in one thread.

    Args:
        client: The client whose connection is announced; `on_connect` must be called when it opens another.
        end_leases: The script that ends the leases of a peer.
    """

    def __init__(self, client: redis.Redis, end_leases: Script, queue: str, worker: str, lease_s: float) -> None:
        self._client = client
        self._end_leases = end_leases
        self._queue = queue
        self._worker = worker
        self._lease_ms = int(lease_s * 1000)
        self._own: Connection | None = None
        self._announced_at = self._refused_at = float("-inf")
        self._looks = 0
        self._peers: dict[str, Connection] = {}
        self._gone_since: dict[tuple[str, Connection], float] = {}
        refused = "dead workers are noticed by their leases only, connections cannot be watched"
        self._refusals = OutageLog(_logger, refused, "connections of workers can be watched")

    @property
    def is_suspicious(self) -> bool:
        """Whether a connection is gone, but not for long enough yet."""
        return bool(self._gone_since)

    @property
    def is_new(self) -> bool:
        """Whether the connection has not been announced, though it could be."""
        return self._own is None and self._refused_at == float("-inf")

    def on_connect(self) -> None:
        """Forget what was seen over the connection before: the server may have started anew, and closed them all."""
        self._own = None
        self._gone_since.clear()

    def look(self, now: float) -> bool:
        """Look once, and return whether leases of a peer were ended.

        Raises:
            RedisError: Redis was not reached.
        """
        if now - self._refused_at < _ASK_AGAIN_S:
            return False
        try:
            if not self._announce(now):
                return False
            dead = self._find_dead(now)
            self._refusals.recovered()
            self._refused_at = float("-inf")
            ended = [self._remove(peer, connection, is_dead=True) for peer, connection in dead]
            return max(ended, default=0) > 0
        except _RefusedError as error:
            self._refused_at = now
            self._refusals.failed(error)
            self.withdraw()
        except ResponseError:  # by a script: the server is a replica, or out of memory
            pass
        return False

    def _announce(self, now: float) -> bool:
        """Return whether the connection is announced; again after a while, as Redis may have lost it."""
        if self._own is None:
            client_id, server = self._ask(["CLIENT", "ID"], ["INFO", "server"])
            self._own = Connection(server["run_id"], str(client_id), self._lease_ms)
        elif now - self._announced_at < _ANNOUNCE_AGAIN_S:
            return True
        own = self._own
        _ANNOUNCE.run_blocking(self._client, [self._queue, self._worker, str(own)])
        self._announced_at = now
        return self._own is own

    def withdraw(self) -> None:
        """Let nobody judge this worker by a connection that it may close, or does not announce anew."""
        own, self._own = self._own, None
        self._gone_since.clear()
        if own is not None:
            with contextlib.suppress(RedisError, OSError):
                self._remove(self._worker, own, is_dead=False)

    def _find_dead(self, now: float) -> list[tuple[str, Connection]]:
        own, watched = self._own, self._neighbours()
        commands = [["CLIENT", "LIST", "ID", *(peer.client_id for peer in (own, *watched.values()) if peer)]]
        if self._looks % (1 + len(self._peers) // _PEERS_READ) == 0:
            commands.append(["HGETALL", key_name(self._client, keys.CONNECTIONS, self._queue)])
        self._looks += 1
        replies = self._ask(*(commands if watched else commands[1:]))
        if own is None or self._own is not own:
            return []  # the connection was lost, perhaps with its server
        if len(commands) > 1:
            self._learn(replies.pop(), own)
        if not watched:
            return []
        open_ids = {client_id.decode() for client_id in _ID.findall(replies[0])}
        if own.client_id not in open_ids:
            raise _RefusedError("the server does not list this worker's connection, which may be a proxy's")
        gone = [(peer, known) for peer, known in watched.items() if known.client_id not in open_ids]
        return self._judge(gone, now)

    def _learn(self, announced: dict[bytes, bytes], own: Connection) -> None:
        parsed = {worker.decode(): Connection.parse(value) for worker, value in announced.items()}
        connections = {worker: connection for worker, connection in parsed.items() if connection is not None}
        if connections.pop(self._worker, None) != own:
            self._announced_at = float("-inf")
        earlier = {peer: known for peer, known in connections.items() if known.run_id != own.run_id}
        self._peers = {peer: known for peer, known in connections.items() if peer not in earlier}
        # Peers that are alive announce themselves anew. A few at a time: all workers see them, after each restart.
        for peer in islice(earlier, _PEERS_WATCHED):
            self._remove(peer, earlier[peer], is_dead=False)

    def _judge(self, gone: list[tuple[str, Connection]], now: float) -> list[tuple[str, Connection]]:
        suspects = [
            (peer, known) for peer, known in gone if self._peers.get(peer) == known and not is_running_here(peer)
        ]
        self._gone_since = {suspect: self._gone_since.get(suspect, now) for suspect in suspects}
        return [suspect for suspect, since in self._gone_since.items() if now - since >= GRACE_S]

    def _neighbours(self) -> dict[str, Connection]:
        """Return the peers that this worker watches: the next ones after it, in a ring of all workers."""
        names = sorted(self._peers)
        at = bisect(names, self._worker)
        return {name: self._peers[name] for name in [*names[at:], *names[:at]][:_PEERS_WATCHED]}

    def _remove(self, worker: str, connection: Connection, *, is_dead: bool) -> int:
        self._gone_since.pop((worker, connection), None)
        arguments: list[Argument] = [self._queue, worker, str(connection), connection.lease_ms, int(is_dead)]
        ended: int = self._end_leases.run_blocking(self._client, arguments)
        if is_dead and ended >= 0:
            _logger.warning("worker %s is gone, %d of its leases were ended", worker, ended)
        return ended

    def _ask(self, *commands: list[str]) -> list[Any]:
        """Return the replies to commands that may not be allowed."""
        with self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # so it is in redis-py
            try:
                replies: list[Any] = pipe.execute()
            except ResponseError as error:
                raise _RefusedError(str(error)) from error
        return replies


def is_running_here(worker: str) -> bool:
    """Return whether a process of this machine is the worker: it has lost its connection, but it is not dead."""
    host, _, process = worker.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not process.isdecimal():
        return False
    with contextlib.suppress(OSError):
        state = (
            Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
        )
        return state not in {"Z", "X"}  # a process that has ended stays until its parent has asked for its status
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
