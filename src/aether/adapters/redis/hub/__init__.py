"""Waiting for changes of jobs and inboxes, and hearing texts as they are written, over one connection per process."""

from aether.adapters.redis.hub.deltas import DeltaPublisher
from aether.adapters.redis.hub.hub import RedisHub

__all__ = ["DeltaPublisher", "RedisHub"]
