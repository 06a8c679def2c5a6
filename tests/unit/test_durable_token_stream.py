"""What is told of a text while it is written, and that it is told no longer."""

from dataclasses import dataclass, field

from aether.domain.job import StepStatus
from aether.durable.change_hub import Delta
from aether.durable.run import Run
from aether.durable.token_stream import TokenStream, current_token_stream
from aether.errors import ModelFailedError
from tests.durable_bench import ID, NEW, EngineBench
from tests.recording_channel import RecordingChannel


def preview(channel: RecordingChannel, *, watched: bool = True) -> TokenStream:
    return TokenStream(channel, "4f9c", "section:0", 2, lambda: watched)


def tell(preview: TokenStream, *pieces: str) -> None:
    listener = preview.publisher()
    assert listener
    for piece in pieces:
        listener(piece)


@dataclass
class Typing:
    """A recipe of one step that writes word by word, and fails as often as it is to."""

    failures: int = 0
    heard: list[bool] = field(default_factory=list)

    async def recipe(self, run: Run, _: object) -> None:
        await run.step("outline", self.plan, str)
        await run.step("section:0", self.write, str)

    async def plan(self) -> str:
        return "planned"

    async def write(self) -> str:
        self.heard.append(current_token_stream().publisher() is not None)
        if self.heard[-1]:
            tell(current_token_stream(), "Rome", " fell.")
        if self.failures:
            self.failures -= 1
            raise ModelFailedError(500)
        return "Rome fell."


def test_each_piece_follows_the_ones_before() -> None:
    channel = RecordingChannel()
    on = preview(channel)

    tell(on, "Rome", " was")
    on.skip(" not")
    tell(on, " built.")

    assert channel.deltas == [
        ("4f9c", Delta("section:0", 2, 0, "Rome")),
        ("4f9c", Delta("section:0", 2, 4, " was")),
        ("4f9c", Delta("section:0", 2, 12, " built.")),
    ]


def test_nobody_listens_to_what_nobody_watches() -> None:
    assert preview(RecordingChannel(), watched=False).publisher() is None
    assert current_token_stream().publisher() is None


async def test_only_what_was_told_has_to_be_waited_for() -> None:
    channel = RecordingChannel()
    unheard, heard = preview(channel), preview(channel)
    unheard.skip("Rome")
    tell(heard, "Rome")

    await unheard.flush()
    assert channel.flushes == []
    await heard.flush()
    assert channel.flushes == [("4f9c", "section:0")]


async def test_all_is_told_before_the_step_is_done() -> None:
    channel = RecordingChannel()
    on = EngineBench(texts=channel)
    on.store.listeners.append(ID)
    done: list[int] = []
    channel.on_flush = lambda: done.append(on.job.count(StepStatus.DONE))

    job = await on.perform(Typing().recipe)

    assert channel.deltas == [(ID, Delta("section:0", 1, 0, "Rome")), (ID, Delta("section:0", 1, 4, " fell."))]
    assert channel.flushes == [(ID, "section:0")]
    assert (done, job.count(StepStatus.DONE)) == ([1], 2)


async def test_another_try_begins_anew_with_a_higher_number() -> None:
    channel = RecordingChannel()
    on = EngineBench(texts=channel)
    on.store.listeners.append(ID)

    await on.perform(Typing(failures=2).recipe)

    told = [(delta.attempt, delta.offset) for _, delta in channel.deltas]
    assert told == [(1, 0), (1, 4), (2, 0), (2, 4), (3, 0), (3, 4)]


async def test_a_job_that_nobody_watches_is_written_in_silence() -> None:
    channel, typing = RecordingChannel(), Typing()

    await EngineBench(texts=channel).perform(typing.recipe)

    assert (typing.heard, channel.deltas, channel.flushes) == ([False], [], [])


async def test_who_comes_while_the_job_runs_hears_the_next_step() -> None:
    typing = Typing()
    on = EngineBench()

    async def recipe(run: Run, _: object) -> None:
        await run.step("section:0", typing.write, str)
        await run.step("section:1", typing.write, str)
        on.store.listeners.append(ID)
        await run.step("section:2", typing.write, str)
        await run.step("section:3", typing.write, str)

    await on.perform(recipe)

    assert typing.heard[1:] == [False, False, True]


async def test_before_the_first_commit_somebody_is_thought_to_watch() -> None:
    """Whoever submitted the job is about to, and who watched the run before still does."""
    typing = Typing()
    on = EngineBench()
    await on.store.create(NEW)

    async def recipe(run: Run, _: object) -> None:
        await run.step("section:0", typing.write, str)

    await on.worker(recipe).perform(ID)

    assert typing.heard == [True]
