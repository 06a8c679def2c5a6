"""Files on Redis: one hash for each job, which holds each file in pieces, so that a part can be read without the rest.

The fields are `size:NAME`, and `0:NAME`, `1:NAME`… for the pieces. Each piece but the last has PIECE_BYTES.
"""

from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.keys import FILES, PIECE_BYTES, script
from aether.leased_queue.key_names import key_name
from aether.leased_queue.scripts import Argument

_WRITE = script("write_file")
_READ = script("read_file")


class RedisFiles:
    """The `FileStore` that needs no server but Redis; `client` must not decode responses.

    The job store renews the files with each commit, and deletes them with the job. A file of a job that no longer
    exists is not stored.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def put(self, job_id: str, name: str, content: bytes) -> None:
        """Write the pieces."""
        arguments: list[Argument] = [job_id, name, len(content)]
        arguments += (content[offset : offset + PIECE_BYTES] for offset in range(0, len(content), PIECE_BYTES))
        with translate_redis_errors():
            await _WRITE.run(self._client, arguments)

    async def read(self, job_id: str, name: str, start: int = 0, stop: int | None = None) -> bytes | None:
        """Read the pieces that hold these bytes."""
        with translate_redis_errors():
            pieces: list[bytes] | None = await _READ.run(
                self._client, [job_id, name, start, "" if stop is None else stop]
            )
        if pieces is None:
            return None
        pieces_start = start - start % PIECE_BYTES
        return b"".join(pieces)[start - pieces_start : None if stop is None else max(stop - pieces_start, 0)]

    async def erase(self, job_id: str) -> None:
        """Delete the hash."""
        with translate_redis_errors():
            await self._client.unlink(key_name(self._client, FILES, job_id))
