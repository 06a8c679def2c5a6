import asyncio

import pytest

from aether.adapters.openai.catalog import CatalogEntry, ModelCatalog, context_in
from aether.bootstrap.models import chat_api
from aether.bootstrap.recipes import DEFAULT_CONTEXT, recipes
from aether.domain.job import Kind
from aether.durable.clock import SystemClock
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.retry import RetryPolicy
from aether.durable.step import RunDependencies
from aether.errors import ModelUnreachableError
from aether.settings import Settings
from aether.workflows.checklist.editor import ModelEditor
from tests.fakes import MemoryFiles
from tests.scripted_model import ScriptedModel, Setup

CLOCK = SystemClock()
DEPENDENCIES = RunDependencies(RetryPolicy(), ConcurrencyLimiter(8, CLOCK), CLOCK)


def settings_for(model: ScriptedModel, **environment: str) -> Settings:
    return Settings.from_env(
        {"OPENAI_BASE_URL": model.base_url, "AETHER_MODEL": "scripted-model", "OPENAI_API_KEY": "none", **environment}
    )


async def test_the_models_of_a_server_are_listed() -> None:
    async with ScriptedModel(Setup(models=("a", "b"), context=8_192)) as model, chat_api(settings_for(model)) as api:
        assert await ModelCatalog(api).models() == (CatalogEntry("a", 8_192), CatalogEntry("b", 8_192))


@pytest.mark.parametrize(
    ("entry", "context"),
    [
        ({"max_model_len": 4_096}, 4_096),
        ({"context_length": 8_192, "top_provider": {"context_length": 8_000}}, 8_192),
        ({"context_window": 131_072}, 131_072),
        ({"max_context_length": 32_768, "loaded_context_length": 4_096}, 4_096),
        ({"meta": {"n_ctx_train": 8_192}}, 8_192),
        ({"default_generation_settings": {"n_ctx": 2_048, "params": {}}}, 2_048),
        ({"inputTokenLimit": 1_048_576}, 1_048_576),
        ({"limits": {"max_input_tokens": 9_000}}, 9_000),
        ({"context_length": "8192"}, None),
        ({"context_length": True}, None),
        ({"context_length": 0}, None),
        ({}, None),
    ],
)
def test_the_context_is_found_under_the_names_of_many_servers(entry: dict[str, object], context: int | None) -> None:
    assert context_in(entry) == context


async def context_of_worker(settings: Settings) -> int:
    """Return the context for which a worker with these settings splits guidelines."""
    async with recipes(settings, MemoryFiles(), DEPENDENCIES) as opened:
        make = opened[Kind.CHECKLIST].make
        editor = make.keywords["editor"]  # type: ignore[attr-defined]  # a partial
        assert isinstance(editor, ModelEditor)
        return editor._max_text


async def test_a_worker_asks_the_server_for_the_context_of_its_model() -> None:
    async with ScriptedModel(Setup(context=4_096)) as small, ScriptedModel() as silent:
        told = await context_of_worker(settings_for(small))
        set_by_operator = await context_of_worker(settings_for(small, AETHER_MODEL_CONTEXT="8192"))
        assumed = await context_of_worker(settings_for(silent))
        default = await context_of_worker(settings_for(silent, AETHER_MODEL_CONTEXT=str(DEFAULT_CONTEXT)))

    assert told < set_by_operator < assumed == default


async def test_a_server_that_does_not_answer_does_not_keep_the_worker_from_starting() -> None:
    gone = ScriptedModel(port=9)
    settings = settings_for(gone)

    async with asyncio.timeout(5):
        assert await context_of_worker(settings) > 0
    async with chat_api(settings) as api:
        with pytest.raises(ModelUnreachableError):
            await ModelCatalog(api).context("scripted-model")


async def test_the_context_of_a_model_that_is_not_listed_is_not_known() -> None:
    async with ScriptedModel(Setup(models=("a", "b"), context=8_192)) as model, chat_api(settings_for(model)) as api:
        catalog = ModelCatalog(api)

        assert [await catalog.context(name) for name in ("a", "models/b", "c")] == [8_192, 8_192, None]
