"""Document delivery: how a text gets to the user, by the format that is wanted."""

from collections.abc import Callable
from pathlib import Path

from aether.cli.output.delivery import DocumentDelivery, ResultDelivery
from aether.cli.output.export_delivery import ExportDelivery, chosen_format
from aether.cli.output.job_state import StateT


def document_delivery(
    name: str, render: Callable[[StateT], str], output: Path | None, format_name: str | None = None
) -> ResultDelivery[StateT]:
    """Return what delivers a text: this program as Markdown, the server in any other format.

    Raises:
        UsageError: the format cannot be told, or not be shown.
    """
    wanted = chosen_format(output, format_name)
    if wanted.name == "md":
        return DocumentDelivery(name, render, output)
    return ExportDelivery(wanted, output, render)
