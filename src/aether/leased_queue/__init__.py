"""Leased queue: a queue on arq's keys, whose workers are woken instead of polling and hold jobs by fenced leases."""

from aether.leased_queue.client import depth, enqueue, withdraw
from aether.leased_queue.quarantine import redrive, reset_delivery_count
from aether.leased_queue.scripts import lua_source
from aether.leased_queue.serializer import payload_for
from aether.leased_queue.worker import LeasedWorker, create_worker
from aether.leased_queue.worker_settings import ARQ_QUEUE, Retry, check_redis_url, job_function, worker_settings

__all__ = [
    "ARQ_QUEUE",
    "LeasedWorker",
    "Retry",
    "check_redis_url",
    "create_worker",
    "depth",
    "enqueue",
    "job_function",
    "lua_source",
    "payload_for",
    "redrive",
    "reset_delivery_count",
    "withdraw",
    "worker_settings",
]
