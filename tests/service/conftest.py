from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
import pytest_socket
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.service.api_harness import ApiHarness
from tests.service.stack import Stack


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # The guard against outside hosts knows no way to allow unix sockets alone.
    pytest_socket._remove_restrictions()
    with Stack(tmp_path_factory.mktemp("stack")) as stack:
        for worker in [stack.start_worker(), stack.start_worker()]:
            stack.ready(worker)
        yield stack
        assert stack.leaks() == []


@pytest.fixture(scope="session")
def shared_bare_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    pytest_socket._remove_restrictions()
    with Stack(tmp_path_factory.mktemp("bare")) as stack:
        yield stack
        assert stack.leaks() == []


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """The service with two workers, for tests that break none of its processes."""
    pytest_socket._remove_restrictions()
    yield shared_stack
    shared_stack.fresh()


@pytest.fixture
def bare(shared_bare_stack: Stack) -> Iterator[Stack]:
    """The service without workers, for tests that start, stop and kill its processes."""
    pytest_socket._remove_restrictions()
    yield shared_bare_stack
    shared_bare_stack.fresh()
    shared_bare_stack.end_workers()


@pytest.fixture
def harness() -> ApiHarness:
    return ApiHarness()


@pytest.fixture
async def client(harness: ApiHarness) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A client of the API in `harness`."""
    async with harness.client() as client:
        yield client


@pytest.fixture
async def document(client: AsyncTestClient[Litestar]) -> dict[str, Any]:  # Any: JSON
    """The OpenAPI document as it is served."""
    document: dict[str, Any] = msgspec.json.decode((await client.get("/schema/openapi.json")).content)
    return document
