"""Which text is published while a model writes it, and when publishing ends."""

from dataclasses import dataclass, field

from aether.domain.job import StepStatus
from aether.durable.change_hub import Delta
from aether.durable.run import Run
from aether.durable.token_stream import TokenStream, current_token_stream
from aether.errors import ModelFailedError
from tests.durable_harness import ID, NEW, DurableHarness
from tests.recording_channel import RecordingChannel


def stream_to(channel: RecordingChannel, *, has_listeners: bool = True) -> TokenStream:
    return TokenStream(channel, "4f9c", "section:0", 2, lambda: has_listeners)


def publish(stream: TokenStream, *pieces: str) -> None:
    publish_piece = stream.publisher()
    assert publish_piece
    for piece in pieces:
        publish_piece(piece)


@dataclass
class Typing:
    """A recipe that publishes a text word by word; `published` says for each attempt whether anybody listened."""

    failures: int = 0
    published: list[bool] = field(default_factory=list)

    async def recipe(self, run: Run, _: object) -> None:
        await run.step("outline", self.plan, str)
        await run.step("section:0", self.write, str)

    async def plan(self) -> str:
        return "planned"

    async def write(self) -> str:
        self.published.append(current_token_stream().publisher() is not None)
        if self.published[-1]:
            publish(current_token_stream(), "Rome", " fell.")
        if self.failures:
            self.failures -= 1
            raise ModelFailedError(500)
        return "Rome fell."


def test_offsets_count_published_and_skipped_pieces() -> None:
    channel = RecordingChannel()
    stream = stream_to(channel)

    publish(stream, "Rome", " was")
    stream.skip(" not")
    publish(stream, " built.")

    assert channel.deltas == [
        ("4f9c", Delta("section:0", 2, 0, "Rome")),
        ("4f9c", Delta("section:0", 2, 4, " was")),
        ("4f9c", Delta("section:0", 2, 12, " built.")),
    ]


def test_nothing_is_published_without_listeners() -> None:
    assert stream_to(RecordingChannel(), has_listeners=False).publisher() is None
    assert current_token_stream().publisher() is None


async def test_a_stream_that_published_nothing_is_not_flushed() -> None:
    channel = RecordingChannel()
    silent, loud = stream_to(channel), stream_to(channel)
    silent.skip("Rome")
    publish(loud, "Rome")

    await silent.flush()
    assert channel.flushes == []
    await loud.flush()
    assert channel.flushes == [("4f9c", "section:0")]


async def test_all_deltas_are_flushed_before_the_step_is_done() -> None:
    channel = RecordingChannel()
    harness = DurableHarness(token_channel=channel)
    harness.store.delta_listeners.append(ID)
    done: list[int] = []
    channel.on_flush = lambda: done.append(harness.job.count(StepStatus.DONE))

    job = await harness.perform(Typing().recipe)

    assert channel.deltas == [(ID, Delta("section:0", 1, 0, "Rome")), (ID, Delta("section:0", 1, 4, " fell."))]
    assert channel.flushes == [(ID, "section:0")]
    assert (done, job.count(StepStatus.DONE)) == ([1], 2)


async def test_another_attempt_restarts_the_offsets() -> None:
    channel = RecordingChannel()
    harness = DurableHarness(token_channel=channel)
    harness.store.delta_listeners.append(ID)

    await harness.perform(Typing(failures=2).recipe)

    offsets = [(delta.attempt, delta.offset) for _, delta in channel.deltas]
    assert offsets == [(1, 0), (1, 4), (2, 0), (2, 4), (3, 0), (3, 4)]


async def test_a_job_without_listeners_publishes_nothing() -> None:
    channel, typing = RecordingChannel(), Typing()

    await DurableHarness(token_channel=channel).perform(typing.recipe)

    assert (typing.published, channel.deltas, channel.flushes) == ([False], [], [])


async def test_a_listener_that_joins_gets_the_next_step() -> None:
    typing = Typing()
    harness = DurableHarness()

    async def recipe(run: Run, _: object) -> None:
        await run.step("section:0", typing.write, str)
        await run.step("section:1", typing.write, str)
        harness.store.delta_listeners.append(ID)
        await run.step("section:2", typing.write, str)
        await run.step("section:3", typing.write, str)

    await harness.perform(recipe)

    assert typing.published[1:] == [False, False, True]


async def test_before_the_first_commit_a_listener_is_assumed() -> None:
    """The submitter is about to listen, and listeners of the previous run still do."""
    typing = Typing()
    harness = DurableHarness()
    await harness.store.create(NEW)

    async def recipe(run: Run, _: object) -> None:
        await run.step("section:0", typing.write, str)

    await harness.worker(recipe).perform(ID)

    assert typing.published == [True]
