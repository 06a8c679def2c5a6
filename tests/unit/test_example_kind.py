"""The kind that docs/adding-a-kind.md shows is made, and the page shows it as it is."""

import inspect
import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest

from aether.api.jobs.event_presenter import EventPayload
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
from tests.example_kind import TRANSLATION, glossary, glossary_events
from tests.example_kind.recipe import paragraphs_so_far
from tests.example_kind.terms import Explanation
from tests.example_kind.translation import Paragraph, TranslationRequest
from tests.fakes import FastClock, MemoryFiles, MemoryJobStore
from tests.scripted_chat import ScriptedChat

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-kind.md").read_text(encoding="utf-8")
# The module on the page, and the one that stands for it here.
MODULES = {
    "src/aether/domain/translation.py": "translation.py",
    "src/aether/workflows/translation.py": "recipe.py",
    "src/aether/workflows/glossary.py": "glossary.py",
    "src/aether/api/kinds/translation/resource.py": "resource.py",
    "src/aether/api/kinds/translation/schemas.py": "schemas.py",
    "src/aether/api/kinds/translation/controller.py": "controller.py",
    "src/aether/cli/kinds/translation.py": "command.py",
}
# The same for one that the page does not show.
IMPORTED = {"src/aether/domain/glossary.py": "terms.py"}
REQUEST = TranslationRequest("Good morning.\n\n\n\nGood night.\n", "Spanish")
SPANISH = ["Buenos días.", "Buenas noches."]


TERMS = '{"terms": ["Aqueduct", "Consul\\u001b", " ", "Aqueduct", 7]}'


async def perform(store: MemoryJobStore, recipe: Recipe) -> Job:
    clock = FastClock()
    tools = RunDependencies(RetryPolicy(attempts=3), ConcurrencyLimiter(1, clock), clock)
    await Runner(store, {TRANSLATION: recipe}, tools).perform("4f9c")
    return store.jobs["4f9c"]


async def run(store: MemoryJobStore, chat: ScriptedChat) -> Job:
    workflow = WORKFLOWS[TRANSLATION]
    return await perform(store, Recipe(workflow.request, workflow.make(Ports(chat, 8_000, MemoryFiles()))))


async def submitted(request: TranslationRequest | str = REQUEST) -> MemoryJobStore:
    store = MemoryJobStore()
    plan = ("terms",) if isinstance(request, str) else WORKFLOWS[TRANSLATION].first_steps(request)
    await store.create(NewJob("4f9c", TRANSLATION, "ada", msgspec.json.encode(request), plan))
    return store


async def run_glossary(chat: ScriptedChat, text: str = "A consul built an aqueduct.", context: int = 8_000) -> Job:
    recipe = Recipe(str, partial(glossary.make_glossary, chat=chat, context=context))
    return await perform(await submitted(text), recipe)


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


async def test_a_chain_explains_each_term_that_its_first_step_has_found() -> None:
    chat = ScriptedChat(TERMS, "A bridge for water.", "A head of state.")
    job = await run_glossary(chat)

    assert [step.name for step in job.steps] == ["terms", "explanation:0", "explanation:1"]
    assert glossary.glossary_so_far(job) == (
        ("Aqueduct", Explanation("A bridge for water.")),
        ("Consul", Explanation("A head of state.")),
    )
    assert "<term>\nConsul\n</term>" in chat.calls[2].last_turn
    assert [call.form and call.form.name for call in chat.calls] == ["terms", None, None]


@pytest.mark.parametrize("answer", ['Here: ["Aqueduct"]', '```json\n{"terms": ["Aqueduct",]}\n```'])
async def test_terms_are_read_from_answers_that_depart_from_the_form(answer: str) -> None:
    job = await run_glossary(ScriptedChat(answer, "A bridge for water."))

    assert glossary.glossary_so_far(job) == (("Aqueduct", Explanation("A bridge for water.")),)


@pytest.mark.parametrize("answer", ["No terms.", "{}", '{"terms": []}', '{"terms": "Aqueduct"}', '{"terms": [" ", 7]}'])
async def test_the_model_is_asked_again_for_an_answer_without_terms(answer: str) -> None:
    chat = ScriptedChat(answer, TERMS, "A bridge for water.", "A head of state.")
    job = await run_glossary(chat)

    assert job.status is Status.COMPLETED
    assert chat.calls[1].last_turn.startswith("Repair your answer: it has no list of terms.")


async def test_the_number_and_the_length_of_the_terms_are_bounded() -> None:
    terms = [f"{at} {'word ' * 100}" for at in range(100)]
    job = await run_glossary(ScriptedChat(json.dumps(terms), *["It means much."] * 20))

    assert job.status is Status.COMPLETED
    assert len(names := [name for name, _ in glossary.glossary_so_far(job)]) == 20
    assert max(map(len, names)) <= 82


async def test_of_a_text_that_the_model_cannot_read_at_once_it_gets_the_beginning() -> None:
    chat = ScriptedChat('["Rome"]', "A city.")
    await run_glossary(chat, "Rome grew. " * 1_000, context=2_048)

    assert all(0 < call.last_turn.count("Rome grew.") < 300 for call in chat.calls)


async def test_the_events_of_a_chain_show_what_has_finished() -> None:
    job = await run_glossary(ScriptedChat(TERMS, "A bridge for water.", ModelRefusedError("no")))
    shown = {
        step: glossary_events.present_step(step, job, "")
        for step in ("terms", "explanation:0", "explanation:1", "explanation:9", "newer:0")
    }

    assert shown == {
        "terms": EventPayload("terms", glossary_events.TermsEvent(("Aqueduct", "Consul"))),
        "explanation:0": EventPayload("explanation", glossary_events.ExplanationEvent(0, "A bridge for water.")),
        "explanation:1": None,
        "explanation:9": None,
        "newer:0": None,
    }


@pytest.mark.parametrize("kind", list(RESOURCES))
def test_each_kind_is_declared_the_same_in_every_layer(kind: Kind) -> None:
    resource, command = RESOURCES[kind], COMMANDS[kind]

    assert resource.kind == kind
    assert controller_of(resource).resource is resource
    assert (command.path, kind in WORKFLOWS) == (resource.path, True)


def shown_on_the_page() -> dict[str, str]:
    """Return the modules that the page shows, by their paths."""
    return dict(re.findall(r'^```python\n# (src/aether/\S+)\n(""".*?)^```', PAGE, re.MULTILINE | re.DOTALL))


def as_on_the_page(path: str) -> str:
    """Return a module of the example as it would stand in `src/aether`."""
    code = (ROOT / "tests" / "example_kind" / MODULES[path]).read_text(encoding="utf-8")
    if (registered := "from tests.example_kind import TRANSLATION\n") in code:
        code = code.replace(registered, "from aether.domain.job import Kind\n").replace(
            "TRANSLATION,", "Kind.TRANSLATION,"
        )
    for shown, stands_for in (MODULES | IMPORTED).items():
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


def test_the_page_shows_the_events_of_a_chain_as_they_are() -> None:
    assert f"```python\n{inspect.getsource(glossary_events.present_step)}```" in PAGE
