"""`aether templates`: list, show, store, copy and delete the templates of reports."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import click
import msgspec
import uvloop

from aether.cli.client.server_connection import connect
from aether.cli.client.templates_client import TemplateItem, TemplatesClient
from aether.cli.kinds.input_file import read_text
from aether.cli.options import client_settings, server_options
from aether.cli.output.key_table import print_json
from aether.cli.output.markdown import one_line
from aether.settings import Settings

ResultT = TypeVar("ResultT")

_MAX_TEMPLATE = 100_000  # characters; the server's own limit is less
_OF_VERSION = ("name", "version", "reference", "source", "versions", "createdAt")
"""What the server tells about a version, beside the template itself."""

_reference = click.argument("reference", metavar="NAME[@VERSION]")


@click.group()
def templates() -> None:
    """List, show, store, copy and delete templates.

    A template is the structure of a report: `aether report TOPIC --template NAME`. Which server keeps them is as for
    `aether report`.

    Exit status: 0 done, 1 there is no such template or no server, 2 wrong usage or settings.
    """


@templates.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_options
def list_(url: str | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show all templates: yours, and those that come with the server."""

    async def collect(client: TemplatesClient) -> list[TemplateItem]:
        return [each async for each in client.list()]

    found = _with_client(url, data_dir, collect)
    if as_json:
        print_json([{name: getattr(each, name) for name in ("reference", "source", "title")} for each in found])
        return
    width = max((len(each.reference) for each in found), default=0)
    for each in found:
        origin = "" if each.source == "owner" else "  (of the server)"
        click.echo(f"{each.reference:<{width}}  {one_line(each.title)}{origin}")


@templates.command()
@_reference
@click.option("--markdown", is_flag=True, help="Print the Markdown form, which has the titles and texts only.")
@server_options
def show(reference: str, url: str | None, data_dir: Path | None, *, markdown: bool) -> None:
    """Print a template, by default as JSON, as `put` takes it."""
    content = _with_client(url, data_dir, lambda client: client.get(reference, markdown=markdown))
    if markdown:
        sys.stdout.write(content.decode())
    else:
        shown = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        print_json({name: value for name, value in shown.items() if name not in _OF_VERSION})


@templates.command()
@click.argument("name")
@click.argument("file", metavar="FILE")
@server_options
def put(name: str, file: str, url: str | None, data_dir: Path | None) -> None:
    """Store the template in FILE under NAME.

    FILE, or stdin if it is -, is JSON or Markdown: a title, and a heading of the second level for each section, with
    what it covers below. If it differs from the newest version, it becomes the next one.
    """
    text = read_text(file, _MAX_TEMPLATE)
    markdown = not text.lstrip().startswith("{")
    stored = _with_client(url, data_dir, lambda client: client.put(name, text.encode(), markdown=markdown))
    _show_stored(stored)


@templates.command("from-report")
@click.argument("job_id", type=click.UUID)
@click.argument("name")
@server_options
def from_report(job_id: UUID, name: str, url: str | None, data_dir: Path | None) -> None:
    """Store the structure of the finished report JOB_ID under NAME.

    It has the report's sections without their texts, and its other wishes as defaults.
    """
    _show_stored(_with_client(url, data_dir, lambda client: client.copy(str(job_id), name)))


@templates.command()
@_reference
@server_options
def delete(reference: str, url: str | None, data_dir: Path | None) -> None:
    """Delete a template, or one version of it. Reports that were asked for with it do not change."""
    _with_client(url, data_dir, lambda client: client.delete(reference))
    _show_message(f"deleted {reference}")


def _with_client(
    url: str | None, data_dir: Path | None, call: Callable[[TemplatesClient], Awaitable[ResultT]]
) -> ResultT:
    return uvloop.run(_with_client_async(url, client_settings(data_dir=data_dir), call))


async def _with_client_async(
    url: str | None, settings: Settings, call: Callable[[TemplatesClient], Awaitable[ResultT]]
) -> ResultT:
    async with connect(url, settings, _show_message) as server:
        endpoint = await server.endpoint()
        async with TemplatesClient(endpoint.url, credential=endpoint.credential) as client:
            return await call(client)


def _show_stored(stored: TemplateItem) -> None:
    click.echo(stored.reference)
    if not stored.is_new:
        _show_message("this version has the same content already")


def _show_message(text: str) -> None:
    click.echo(text, err=True)
