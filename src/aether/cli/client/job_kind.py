"""Job kind: what the command line has to know about one kind of job."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic

import click
import msgspec

from aether.cli.output.delivery import ResultDelivery
from aether.cli.output.job_state import StateT


class JobKind(msgspec.Struct, Generic[StateT], frozen=True, kw_only=True):
    """One kind of job: its resource in the API, its subcommand, and how its results are delivered.

    `name` is a noun for messages. `path` is the path of the collection, `id_field` the field of the response to POST
    that holds the id, `state` the type of the response to GET. `command` submits a job of this kind. `delivery` returns
    what delivers a result to a file or, for None, to stdout; `aether watch` uses it. `model_setting` is the variable
    that chooses the server's model for such jobs. `cautions` returns what the user should know before a request (its
    fields) is sent to a model, and `model_note` what is to be known of the model itself. `has_documents` tells that the
    server exports its results.
    """

    name: str
    path: str
    id_field: str
    state: type[StateT]
    command: click.Command
    delivery: Callable[[Path | None], ResultDelivery[StateT]]
    model_setting: str = "AETHER_MODEL"
    cautions: Callable[[dict[str, Any], str], tuple[str, ...]] = lambda _request, _model: ()  # Any: JSON values
    model_note: Callable[[str], str | None] = lambda _: None
    has_documents: bool = False
