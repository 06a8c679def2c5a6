"""Example kind: translations, as docs/adding-a-kind.md shows them, and their registration.

A translation is no part of Aether. Its modules stand here for those that the author of a kind adds to `src/aether`, and
`register` for the lines that they add to the registries. The suites over all kinds run over it too. `terms`,
`glossary` and `glossary_events` belong to a kind whose steps are chained. The page shows some of it, and nothing
registers it.
"""

from contextlib import ExitStack

from aether.api.kinds import KINDS as RESOURCES
from aether.cli.kinds import KINDS as COMMANDS
from aether.domain.job import Kind
from aether.workflows.registry import WORKFLOWS

TRANSLATION = Kind("translation")


def register() -> ExitStack:
    """Register the kind in every layer, until what this returns is closed."""
    with ExitStack() as stack:
        stack.enter_context(WORKFLOWS.registered(TRANSLATION, "tests.example_kind.recipe:WORKFLOW"))
        stack.enter_context(RESOURCES.registered(TRANSLATION, "tests.example_kind.resource:TRANSLATIONS"))
        stack.enter_context(COMMANDS.registered(TRANSLATION, "tests.example_kind.command:TRANSLATION"))
        return stack.pop_all()
