from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket

from tests.acceptance.serving import Service, serving


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    # The guard against outside hosts knows no way to allow unix sockets alone.
    pytest_socket._remove_restrictions()
    with serving(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="session")
def document(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenAPI document as it is served."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_bytes(service.stack.http.get("/schema/openapi.json").content)
    return path
