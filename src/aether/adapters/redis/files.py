"""Files on Redis: one hash for each job, in pieces, so that a part of a file can be read without the rest.

Fields are `size:NAME` and `0:NAME`, `1:NAME`… for the pieces, each of PIECE bytes but the last.
"""

from redis.asyncio import Redis

from aether.adapters.redis.keys import FILES, PIECE, script
from aether.adapters.redis.store import reaching_redis
from aether.leased_queue.scripts import Argument

_KEEP = script("keep_file")
_READ = script("read_file")


class RedisFiles:
    """The `FileStore` that needs nothing but Redis; `client` must not decode responses.

    The store of jobs does the rest: each commit renews the files with the record, and erasing a job erases them with
    it. A file of a job that is gone is not kept.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def put(self, job_id: str, name: str, content: bytes) -> None:
        """Keep the pieces."""
        arguments: list[Argument] = [job_id, name, len(content)]
        arguments += (content[at : at + PIECE] for at in range(0, len(content), PIECE))
        with reaching_redis():
            await _KEEP.run(self._client, arguments)

    async def read(self, job_id: str, name: str, start: int = 0, stop: int | None = None) -> bytes | None:
        """Fetch the pieces it takes."""
        with reaching_redis():
            pieces: list[bytes] | None = await _READ.run(
                self._client, [job_id, name, start, "" if stop is None else stop]
            )
        if pieces is None:
            return None
        begins = start - start % PIECE
        return b"".join(pieces)[start - begins : None if stop is None else max(stop - begins, 0)]

    async def erase(self, job_id: str) -> None:
        """Delete the hash."""
        with reaching_redis():
            await self._client.unlink(FILES + job_id)
