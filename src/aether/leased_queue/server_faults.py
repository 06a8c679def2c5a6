"""Server faults: the errors by which a running Redis says that it cannot serve for now, whatever their form."""

import re
from collections.abc import Mapping

from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

FAULTS: Mapping[str, str] = {
    "OOM": "Redis is full",
    "MISCONF": "Redis cannot write to its disk",
    "READONLY": "Redis is a read-only replica",
    "NOREPLICAS": "Redis has too few replicas",
    "LOADING": "Redis is still loading its data",
    "MASTERDOWN": "Redis is a replica that has lost its primary",
    "CLUSTERDOWN": "the Redis cluster is down",
    "BUSY": "Redis is busy with a script",
    "UNKILLABLE": "Redis is busy with a script",
    "TRYAGAIN": "Redis is moving its data",
    "MOVED": "this node of the Redis cluster does not have the keys, or not any more",
    "ASK": "Redis is moving its data",
    "CROSSSLOT": "Redis is a cluster, so AETHER_KEY_PREFIX needs a hash tag",
    "UNBLOCKED": "Redis changes its role",
}
"""What each error code says about the server."""

# redis-py has classes for some codes, whose messages lack the code.
_CODES: Mapping[type[RedisError], str] = {
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    BusyLoadingError: "LOADING",
    MasterDownError: "MASTERDOWN",
    ClusterDownError: "CLUSTERDOWN",
    TryAgainError: "TRYAGAIN",
}
# Redis before 7 wraps an error of a command in a script: "ERR Error running script (call to f_…): @user_script:1:
# @user_script: 1: -OOM command not allowed …". Proxies put words of their own before the code.
_CODE = re.compile(r"(?:^|-)(" + "|".join(FAULTS) + r")\b")


def fault_code(error: BaseException) -> str | None:
    """Return the code in `FAULTS` that an error of Redis stands for, or None if it stands for none."""
    for error_class, code in _CODES.items():
        if isinstance(error, error_class):
            return code
    found = _CODE.search(str(error)) if isinstance(error, ResponseError) else None
    return found and found[1]
