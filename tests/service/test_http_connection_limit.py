"""Connection limit: further connections get a problem, health checks are answered, and descriptors do not run out."""

import asyncio
from contextlib import AsyncExitStack

from tests.service.raw_http import CLOSE, HOST, Response, Server, serving

GET = b"GET /x HTTP/1.1\r\n" + HOST
HEALTH = b"GET /health/live HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"


async def test_a_surplus_connection_is_told_when_to_retry() -> None:
    async with serving(max_connections=1) as server, server.connection():
        response = await server.request(GET + b"\r\n")

    assert (response.status, response.problem, response.headers["retry-after"]) == (503, "too-many-connections", "5")
    assert server.requests == []


async def test_a_health_check_is_answered_on_a_surplus_connection() -> None:
    async with serving(max_connections=1) as server, server.connection():
        response = await server.request(b"GET /health/live HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")

    assert response.status == 200


async def test_existing_connections_are_served_while_surplus_ones_are_rejected() -> None:
    async with serving(max_connections=1) as server, server.connection() as (reader, writer), server.connection():
        refused = await server.request(GET + b"\r\n")
        writer.write(GET + CLOSE + b"\r\n")
        response = Response.parse(await reader.read())

    assert (refused.status, response.status) == (503, 200)


async def silent(server: Server, stack: AsyncExitStack, count: int) -> list[asyncio.StreamReader]:
    """Open connections that send nothing."""
    return [(await stack.enter_async_context(server.connection()))[0] for _ in range(count)]


async def test_silent_surplus_connections_make_room_for_those_that_ask() -> None:
    async with serving(max_connections=2, max_surplus=3) as server, AsyncExitStack() as stack:
        first, second, *surplus = await silent(server, stack, 20)
        rejected, probed = await server.request(GET + b"\r\n"), await server.request(HEALTH)
        told = [Response.parse(await reader.read()) for reader in surplus[:15]]

        assert (rejected.status, probed.status) == (503, 200)
        assert {(each.status, each.problem) for each in told} == {(503, "too-many-connections")}
        assert len(server.state.connections) <= 2 + 3 + 1
        assert not first.at_eof()
        assert not second.at_eof()


async def test_a_surplus_connection_that_was_answered_is_closed_without_another_response_to_make_room() -> None:
    async with serving(max_connections=1, max_surplus=1) as server, server.connection(), AsyncExitStack() as stack:
        reader, writer = await stack.enter_async_context(server.connection())
        writer.write(HEALTH.replace(CLOSE, b""))
        await reader.readuntil(b"\r\n\r\n")
        await silent(server, stack, 1)

        assert await reader.read() == b""


async def test_a_health_check_under_way_does_not_make_room() -> None:
    slow = HEALTH.replace(b"/health/live", b"/health/slow")
    async with serving(max_connections=1, max_surplus=2) as server, server.connection(), AsyncExitStack() as stack:
        reader, writer = await stack.enter_async_context(server.connection())
        writer.write(slow)
        while not server.requests:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        await silent(server, stack, 5)
        server.released.set()

        assert Response.parse(await reader.read()).status == 200


async def test_of_health_checks_alone_the_newest_connection_is_rejected() -> None:
    slow = HEALTH.replace(b"/health/live", b"/health/slow")
    async with serving(max_connections=1, max_surplus=1) as server, server.connection(), AsyncExitStack() as stack:
        reader, writer = await stack.enter_async_context(server.connection())
        writer.write(slow)
        while not server.requests:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        (newest,) = await silent(server, stack, 1)
        rejected = Response.parse(await newest.read())
        server.released.set()

        assert (rejected.status, Response.parse(await reader.read()).status) == (503, 200)


async def test_a_surplus_connection_that_waited_until_others_closed_is_served() -> None:
    async with serving(max_connections=1, max_surplus=1) as server:
        async with server.connection():
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)
        writer.write(GET + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        async with server.connection(), server.connection():
            writer.write(GET + CLOSE + b"\r\n")
            response = Response.parse(await reader.read())
        writer.close()

    assert (response.status, server.paths) == (200, ["/x", "/x"])
