"""Versions: reading the version of a job, or the latest notification of an inbox, that a channel announces."""

from redis.asyncio.client import Pipeline

from aether.adapters.redis.keys import ARRIVALS, CHANGES, INBOX, RECORD
from aether.leased_queue.key_names import key_prefix


def add_version_read(pipeline: Pipeline, channel: str) -> None:
    """Add the command that reads the version announced on this channel."""
    prefix = key_prefix(pipeline)
    if channel.startswith(prefix + CHANGES):
        pipeline.hget(prefix + RECORD + channel.removeprefix(prefix + CHANGES), "version")
    else:
        pipeline.zrange(prefix + INBOX + channel.removeprefix(prefix + ARRIVALS), -1, -1)


def parse_version(answer: bytes | list[bytes] | None) -> int:
    """Return the version in the answer; 0 if the job is gone or the inbox is empty."""
    if isinstance(answer, list):
        answer = answer[0].partition(b":")[0] if answer else None
    return int(answer or 0)
