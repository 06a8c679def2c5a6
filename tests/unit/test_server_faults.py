"""Errors of a running Redis that cannot serve for now are known in every form in which servers send them."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.adapters.redis.errors import find_fault, translate_redis_errors
from aether.errors import StoreUnavailableError
from aether.leased_queue.server_faults import fault_code
from aether.leased_queue.server_version import UnsupportedServerError, check_version

WRAPPED = "Error running script (call to f_b4388c0c): @user_script:1: @user_script: 1: "  # Redis 6.2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "OOM"),
        (ResponseError(f"{WRAPPED}-OOM command not allowed when used memory > 'maxmemory'."), "OOM"),
        (ResponseError(f"ERR {WRAPPED}-MISCONF Redis is configured to save RDB snapshots, but …"), "MISCONF"),
        (ResponseError(f"{WRAPPED}-READONLY You can't write against a read only replica."), "READONLY"),
        (ReadOnlyError("You can't write against a read only replica."), "READONLY"),
        (ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), "MISCONF"),
        (ResponseError("NOREPLICAS Not enough good replicas to write. script: b438, on @user_script:1."), "NOREPLICAS"),
        (
            ResponseError("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
            "MASTERDOWN",
        ),
        (ResponseError("LOADING Redis is loading the dataset in memory"), "LOADING"),
        (ResponseError(f"{WRAPPED}-CLUSTERDOWN The cluster is down"), "CLUSTERDOWN"),
        (ResponseError("MOVED 3999 127.0.0.1:6381"), "MOVED"),
        (ResponseError("CROSSSLOT Keys in request don't hash to the same slot"), "CROSSSLOT"),
        (ResponseError("BUSY Redis is busy running a script."), "BUSY"),
        (ResponseError("BUSYGROUP Consumer Group name already exists"), None),
        (ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), None),
        (ResponseError(f"{WRAPPED}Wrong number of args calling Redis command: OOM READONLY"), None),
    ],
)
def test_a_fault_is_known_by_its_code_in_every_form(error: Exception, code: str | None) -> None:
    assert fault_code(error) == code


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (ResponseError(f"{WRAPPED}-OOM command not allowed"), "The job store is unavailable: Redis is full."),
        (ReadOnlyError("You can't write"), "The job store is unavailable: Redis is a read-only replica."),
        (RedisConnectionError("Connection refused"), "The job store is unavailable."),
        (RedisTimeoutError("Timeout"), "The job store is unavailable."),
        (
            UnsupportedServerError("6.0.16"),
            "The job store is unavailable: Redis 6.0.16 is too old: Aether needs 6.2 or newer.",
        ),
    ],
)
def test_the_problem_names_what_is_wrong_with_redis(error: Exception, detail: str) -> None:
    with pytest.raises(StoreUnavailableError) as caught, translate_redis_errors():
        raise error

    assert (str(caught.value), caught.value.retry_after) == (detail, 2.0)


def test_an_error_of_another_kind_is_left_alone() -> None:
    error = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")

    assert find_fault(error) is None
    with pytest.raises(ResponseError), translate_redis_errors():
        raise error


@pytest.mark.parametrize("version", ["6.2.0", "6.2.14", "7.0.15", "8.0.0", "10.1", "255.255.255", "", "unstable"])
def test_newer_versions_and_those_that_do_not_tell_pass(version: str) -> None:
    check_version({"redis_version": version})


@pytest.mark.parametrize("version", ["6.0.16", "5.0.7", "2.8", "6.1.240"])
def test_an_older_version_is_refused(version: str) -> None:
    with pytest.raises(UnsupportedServerError, match=f"Redis {version} is too old: Aether needs 6.2 or newer"):
        check_version({"redis_version": version})
