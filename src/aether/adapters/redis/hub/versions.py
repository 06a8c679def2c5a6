"""Where the versions stand of which the channels tell: those of jobs, and the newest ids of inboxes."""

from redis.asyncio.client import Pipeline

from aether.adapters.redis.keys import ARRIVALS, CHANGES, INBOX, RECORD


def ask(pipeline: Pipeline, channel: str) -> None:
    """Ask for the version of which this channel tells."""
    if channel.startswith(CHANGES):
        pipeline.hget(RECORD + channel.removeprefix(CHANGES), "version")
    else:
        pipeline.zrange(INBOX + channel.removeprefix(ARRIVALS), -1, -1)


def version_in(answer: bytes | list[bytes] | None) -> int:
    """Read what was answered; that of what is not there is 0."""
    if isinstance(answer, list):
        answer = answer[0].partition(b":")[0] if answer else None
    return int(answer or 0)
