"""Versions: reading the version of a job, or the latest notification of an inbox, that a channel announces."""

from redis.asyncio.client import Pipeline

from aether.adapters.redis.keys import ARRIVALS, CHANGES, INBOX, RECORD


def add_version_read(pipeline: Pipeline, channel: str) -> None:
    """Add the command that reads the version announced on this channel."""
    if channel.startswith(CHANGES):
        pipeline.hget(RECORD + channel.removeprefix(CHANGES), "version")
    else:
        pipeline.zrange(INBOX + channel.removeprefix(ARRIVALS), -1, -1)


def parse_version(answer: bytes | list[bytes] | None) -> int:
    """Return the version in the answer; 0 if the job is gone or the inbox is empty."""
    if isinstance(answer, list):
        answer = answer[0].partition(b":")[0] if answer else None
    return int(answer or 0)
