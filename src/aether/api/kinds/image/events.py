"""Image events: what the event stream of a generation sends."""

from typing import Annotated

import msgspec
from msgspec import Meta

from aether.api.jobs.event_presenter import EventPayload, EventVocabulary, step_position
from aether.api.kinds.image.schemas import STATUSES, GenerationAttempt, generation_attempt
from aether.domain.job import Job

_IMAGE = "image"


class ImageNews(msgspec.Struct, frozen=True):
    """An image is finished and available, while others may still be being made."""

    position: Annotated[int, Meta(ge=0, description="The position of the image, from 0.")]
    url: Annotated[str, Meta(description="The URL of the image, until the job expires.")]


def _present_step(step: str, _: Job, url: str) -> EventPayload | None:
    position = step_position(step, _IMAGE)
    return None if position is None else EventPayload("image", ImageNews(position, f"{url}/images/{position}"))


IMAGE_EVENTS = EventVocabulary(
    STATUSES,
    present_step=_present_step,
    present_attempt=generation_attempt,
    present_delta=lambda _: None,
    data_types={"image": ImageNews, "attempt": GenerationAttempt},
)
