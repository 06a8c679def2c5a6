"""A queue on arq's keys whose workers are woken by a bell and hold jobs by fenced leases."""

from aether.leased_queue.client import depth, enqueue, redrive, vindicate, withdraw
from aether.leased_queue.scripts import lua_source
from aether.leased_queue.serializer import payload_for
from aether.leased_queue.worker import LeasedWorker, create_worker

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
