"""Glossary events: how a kind whose steps are chained presents those that are finished."""

from typing import Annotated

import msgspec
from msgspec import Meta

from aether.api.jobs.event_presenter import EventPayload, step_position
from aether.domain.job import Job
from aether.workflows.step_results import result_of
from tests.example_kind.terms import Explanation, Terms


class TermsEvent(msgspec.Struct, frozen=True):
    """The terms are picked."""

    terms: Annotated[tuple[str, ...], Meta(description="The terms.")]


class ExplanationEvent(msgspec.Struct, frozen=True):
    """A term is explained."""

    position: Annotated[int, Meta(ge=0, description="The position of the term, from 0.")]
    text: Annotated[str, Meta(description="What the term means.")]


def present_step(step: str, job: Job, _: str) -> EventPayload | None:
    """Return the event for a finished step; None if there is nothing to show."""
    if step == "terms" and (terms := result_of(job, step, Terms)):
        return EventPayload("terms", TermsEvent(terms.names))
    position = step_position(step, "explanation")
    if position is None or (explanation := result_of(job, step, Explanation)) is None:
        return None
    return EventPayload("explanation", ExplanationEvent(position, explanation.text))
