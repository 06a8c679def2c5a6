"""The docs page works without any other server."""

import re

import pytest

from tests.service.api_harness import ApiHarness


async def test_the_page_loads_only_files_of_this_server() -> None:
    async with ApiHarness().client() as client:
        page = await client.get("/docs")
        named = re.findall(r'(?:href|src|data-document)="([^"]+)"', page.text)
        files = {name: await client.get(name) for name in named if not name.startswith("data:")}

    assert page.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert not re.search(r"https?://|<script>|<style>|\son\w+=", page.text)
    assert [answer.status_code for answer in files.values()] == [200] * 4
    cache_headers = [answer.headers["Cache-Control"] for name, answer in files.items() if name.startswith("/docs/")]
    assert cache_headers == ["public, max-age=31536000, immutable"] * 3


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("identity", None)])
async def test_files_are_compressed_for_browsers_that_accept_it(accepted: str, encoding: str | None) -> None:
    async with ApiHarness().client() as client:
        page = await client.get("/docs")
        (style,) = re.findall(r'stylesheet" href="([^"]+)"', page.text)
        answer = await client.get(style, headers={"Accept-Encoding": accepted})

    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"].startswith("text/css")
    assert ".swagger-ui" in answer.text
