"""Job kind: what the client has to know about one kind of job."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic

import msgspec

from aether.cli.output.delivery import ResultDelivery
from aether.cli.output.job_state import StateT


class JobKind(msgspec.Struct, Generic[StateT], frozen=True):
    """One kind of job.

    `name` is a noun for messages. `path` is the path of the collection, `id_field` the field that holds the id of a new
    job, `state` the type of the answer to GET. `delivery` returns what delivers the result to a file or, for None, to
    stdout.
    """

    name: str
    path: str
    id_field: str
    state: type[StateT]
    delivery: Callable[[Path | None], ResultDelivery[StateT]]
