"""A queue on arq's keys whose workers are woken by a bell and hold jobs by fenced leases."""

from aether.adapters.redis.queue.producer import depth, enqueue, redrive, vindicate, withdraw
from aether.adapters.redis.queue.scripts import lua_source
from aether.adapters.redis.queue.serializer import payload_for
from aether.adapters.redis.queue.worker import LeasedWorker, create_worker

__all__ = [
    "LeasedWorker",
    "create_worker",
    "depth",
    "enqueue",
    "lua_source",
    "payload_for",
    "redrive",
    "vindicate",
    "withdraw",
]
