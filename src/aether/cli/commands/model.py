"""`aether model`: check what the model server can do."""

import sys
from pathlib import Path

import click
import uvloop
from msgspec.structs import replace

from aether.adapters.openai.probe_checks import ProbeResult
from aether.bootstrap.backing_services import model_service
from aether.bootstrap.model_probe import probe_model, remember_result
from aether.cli.local.store import open_store
from aether.cli.options import client_settings, data_dir_option
from aether.cli.output.key_table import print_json
from aether.cli.output.model_advice import advice
from aether.cli.output.model_table import model_view, print_model_table
from aether.errors import ConfigurationError, StoreUnavailableError
from aether.settings import Settings
from aether.telemetry import configure_logging

_MAX_WAIT_S = 60.0


@click.command()
@click.option("--model", "name", help="The model to check. [env AETHER_MODEL]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_dir_option
def model(name: str | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Check what the model server can do.

    It lists the models of the server at OPENAI_BASE_URL, and asks one of them a short question in each way in which
    Aether asks. The calls cost a few hundred tokens. Without a model server, the local model is checked. What was found
    out is remembered for a day for workers that start: they ask in the best way at once.

    Exit status: 0 Aether can use the model, 1 it cannot, 2 wrong usage or settings.
    """
    settings = client_settings(data_dir=data_dir, model=name)
    configure_logging("warning", settings.log_format)
    result, used = uvloop.run(_check(settings))
    found = advice(result, used)
    if as_json:
        print_json(model_view(result, found))
    else:
        print_model_table(result, found)
    sys.exit(0 if result.is_usable else 1)


async def _check(settings: Settings) -> tuple[ProbeResult, Settings]:
    """Return what was found out, and the settings with which the calls were made."""
    patient = replace(
        settings,
        model_read_timeout=min(settings.model_read_timeout, _MAX_WAIT_S),
        model_total_timeout=min(settings.model_total_timeout, _MAX_WAIT_S),
    )
    async with model_service(patient) as complete:
        result = await probe_model(complete)
    if result.is_usable and settings.uses_model_server:
        await _remember(settings, result)
    return result, complete


async def _remember(settings: Settings, result: ProbeResult) -> None:
    try:
        async with open_store(settings, _show_message) as stored:
            await remember_result(stored, result)
    except (ConfigurationError, StoreUnavailableError, OSError) as error:
        _show_message(f"not remembered for the workers: {error}")


def _show_message(text: str) -> None:
    click.echo(text, err=True)
