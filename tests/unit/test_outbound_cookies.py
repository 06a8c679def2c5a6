import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import aether

SOURCES = sorted(Path(aether.__file__).parent.rglob("*.py"))
JARS = {"AsyncClient": "cookies", "Client": "cookies", "ClientSession": "cookie_jar"}
"""The classes of HTTP clients, and the argument that names their cookie jar."""


def clients(source: Path) -> Iterator[tuple[ast.Call, str]]:
    """Yield the calls that open an HTTP client, with the argument for its jar."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in JARS:
            yield node, JARS[node.func.attr]


def test_there_are_clients_to_check() -> None:
    assert len([client for source in SOURCES for client in clients(source)]) >= 6


@pytest.mark.parametrize(
    "source", [source for source in SOURCES if any(clients(source))], ids=lambda source: source.stem
)
def test_no_client_keeps_cookies(source: Path) -> None:
    """Aether's calls belong to many owners, and a cookie that cannot be sent again would fail every later call."""
    for call, argument in clients(source):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}

        assert given.get(argument) in ("no_cookies()", "aiohttp.DummyCookieJar()", "jar")
