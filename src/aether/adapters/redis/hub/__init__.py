"""Change hub on Redis: one connection per process for the changes of jobs and inboxes, and for deltas of texts."""

from aether.adapters.redis.hub.deltas import DeltaPublisher
from aether.adapters.redis.hub.hub import RedisHub

__all__ = ["DeltaPublisher", "RedisHub"]
