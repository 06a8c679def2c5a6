"""Estimate schema: when a report will be done, on the wire."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import WaitingFor, unset_if_none, waiting_for
from aether.domain.estimate import Estimate

QueuePosition = Annotated[
    int, Meta(ge=1, description="The job's position in the queue, from 1. It may increase, because owners take turns.")
]
SecondsLeft = Annotated[float, Meta(ge=0, description="Estimated from the run times of recent jobs; not guaranteed.")]


class ReportEstimate(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The fields of a report in progress that change although the report does not."""

    queue_position: QueuePosition | UnsetType = UNSET
    estimated_seconds_left: SecondsLeft | UnsetType = UNSET
    waiting_for: WaitingFor | UnsetType = UNSET


def report_estimate(estimate: Estimate) -> ReportEstimate:
    """Return an estimate as the wire shows it."""
    seconds = None if estimate.seconds_left is None else round(estimate.seconds_left, 1)
    return ReportEstimate(
        queue_position=unset_if_none(estimate.position),
        estimated_seconds_left=unset_if_none(seconds),
        waiting_for=waiting_for(estimate),
    )
