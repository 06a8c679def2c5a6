"""Watch: merging of unread deltas and versions; it needs no Redis."""

from aether.adapters.redis.hub.watch import Watch
from aether.durable.change_hub import Delta

SHORT_S = 0.05


def pieces(step: str, count: int, length: int) -> list[Delta]:
    return [Delta(step, 1, at * length, "x" * length) for at in range(count)]


async def read_deltas(watch: Watch) -> list[Delta]:
    """Return all deltas that the watch has for its reader."""
    taken = []
    while isinstance(item := await anext(watch), Delta):
        taken.append(item)
    return taken


async def test_unread_deltas_are_merged() -> None:
    watch = Watch(1, SHORT_S, 0)
    for delta in pieces("section:1", 10, 5) + pieces("section:2", 3, 5):
        watch.add_delta(delta)

    assert await read_deltas(watch) == [Delta("section:1", 1, 0, "x" * 50), Delta("section:2", 1, 0, "x" * 15)]


async def test_the_size_of_unread_deltas_is_limited() -> None:
    watch = Watch(1, SHORT_S, 0)
    for at in range(100):
        for delta in pieces(f"section:{at}", 200, 1_000):
            watch.add_delta(delta)

    assert sum(len(delta.text) for delta in await read_deltas(watch)) < 2_000_000


async def test_a_lost_delta_shows_in_the_offset() -> None:
    watch = Watch(1, SHORT_S, 0)
    first, _, third = pieces("section:1", 3, 5)
    watch.add_delta(first)
    assert await anext(watch) == first
    watch.add_delta(third)

    assert await anext(watch) == third


async def test_a_new_attempt_replaces_the_text_of_the_last() -> None:
    watch = Watch(1, SHORT_S, 0)
    second = Delta("section:1", 2, 0, "Anew")
    for delta in (Delta("section:1", 1, 0, "Once"), second):
        watch.add_delta(delta)

    assert await read_deltas(watch) == [second]


async def test_a_new_version_comes_before_unread_text() -> None:
    watch = Watch(1, SHORT_S, 0)
    watch.add_delta(Delta("section:1", 1, 0, "Rome"))
    watch.set_version(2, reads=0)

    assert await anext(watch) == 2
