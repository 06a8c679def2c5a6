"""The kind that docs/adding-a-kind.md shows is made, and the page shows it as it is."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from aether.api.kinds import KINDS as RESOURCES
from aether.api.kinds.routers import controller_of
from aether.cli.kinds import KINDS as COMMANDS
from aether.domain.job import Change, Job, Kind, Status
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import NewJob
from aether.durable.retry import RetryPolicy
from aether.durable.runner import Recipe, Runner
from aether.durable.step import RunDependencies
from aether.errors import ModelRefusedError
from aether.workflows.definition import Ports
from aether.workflows.registry import WORKFLOWS
from tests.example_kind import TRANSLATION
from tests.example_kind.recipe import paragraphs_so_far
from tests.example_kind.translation import Paragraph, TranslationRequest
from tests.fakes import FastClock, MemoryFiles, MemoryJobStore
from tests.scripted_chat import ScriptedChat

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-kind.md").read_text(encoding="utf-8")
# The module on the page, and the one that stands for it here.
MODULES = {
    "src/aether/domain/translation.py": "translation.py",
    "src/aether/workflows/translation.py": "recipe.py",
    "src/aether/api/kinds/translation/resource.py": "resource.py",
    "src/aether/api/kinds/translation/schemas.py": "schemas.py",
    "src/aether/api/kinds/translation/controller.py": "controller.py",
    "src/aether/cli/kinds/translation.py": "command.py",
}
REQUEST = TranslationRequest("Good morning.\n\n\n\nGood night.\n", "Spanish")
SPANISH = ["Buenos días.", "Buenas noches."]


async def run(store: MemoryJobStore, chat: ScriptedChat) -> Job:
    clock = FastClock()
    workflow = WORKFLOWS[TRANSLATION]
    tools = RunDependencies(RetryPolicy(attempts=3), ConcurrencyLimiter(1, clock), clock)
    recipe = Recipe(workflow.request, workflow.make(Ports(chat, 8_000, MemoryFiles())))
    await Runner(store, {TRANSLATION: recipe}, tools).perform("4f9c")
    return store.jobs["4f9c"]


async def submitted() -> MemoryJobStore:
    store = MemoryJobStore()
    plan = WORKFLOWS[TRANSLATION].first_steps(REQUEST)
    await store.create(NewJob("4f9c", TRANSLATION, "ada", msgspec.json.encode(REQUEST), plan))
    return store


async def test_each_paragraph_is_translated_in_a_step_of_its_own() -> None:
    chat = ScriptedChat(*SPANISH)
    job = await run(await submitted(), chat)

    assert job.status is Status.COMPLETED
    assert paragraphs_so_far(job) == tuple(map(Paragraph, SPANISH))
    assert [call.last_turn for call in chat.calls] == [
        f"<language>\nSpanish\n</language>\n<text>\n{paragraph}\n</text>" for paragraph in REQUEST.paragraphs
    ]


async def test_a_retry_asks_only_for_what_is_missing() -> None:
    store = await submitted()
    failed = await run(store, ScriptedChat(SPANISH[0], ModelRefusedError("no")))
    await store.move("4f9c", Change(status=Status.PENDING))
    again = ScriptedChat(SPANISH[1])
    job = await run(store, again)

    assert (failed.status, job.status, len(again.calls)) == (Status.FAILED, Status.COMPLETED, 1)


@pytest.mark.parametrize("kind", list(RESOURCES))
def test_each_kind_is_declared_the_same_in_every_layer(kind: Kind) -> None:
    resource, command = RESOURCES[kind], COMMANDS[kind]

    assert resource.kind == kind
    assert controller_of(resource).resource is resource
    assert (command.path, kind in WORKFLOWS) == (resource.path, True)


def shown_on_the_page() -> dict[str, str]:
    """Return the modules that the page shows, by their paths."""
    return dict(re.findall(r"^```python\n# (src/aether/\S+translation\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def as_on_the_page(path: str) -> str:
    """Return a module of the example as it would stand in `src/aether`."""
    code = (ROOT / "tests" / "example_kind" / MODULES[path]).read_text(encoding="utf-8")
    if (registered := "from tests.example_kind import TRANSLATION\n") in code:
        code = code.replace(registered, "from aether.domain.job import Kind\n").replace(
            "TRANSLATION,", "Kind.TRANSLATION,"
        )
    for shown, stands_for in MODULES.items():
        module = shown.removeprefix("src/").removesuffix(".py").replace("/", ".")
        code = code.replace(f"tests.example_kind.{stands_for.removesuffix('.py')}", module)
    return ruff(path, ruff(path, code, "check", "--fix", "--select=I", "-"), "format", "-")


def ruff(path: str, code: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments, "--quiet", f"--stdin-filename={path}"]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=False, cwd=ROOT).stdout


@pytest.mark.parametrize("path", list(MODULES))
def test_the_page_shows_each_module_as_it_is(path: str) -> None:
    assert shown_on_the_page()[path] == as_on_the_page(path)


@pytest.mark.parametrize("path", list(MODULES))
def test_what_the_page_shows_passes_the_linter(path: str) -> None:
    # Only the missing package file would be found: the page says to add it.
    assert ruff(path, shown_on_the_page()[path], "check", "--ignore=INP001", "-") == ""


def test_the_page_shows_no_other_module() -> None:
    assert shown_on_the_page().keys() == MODULES.keys()
