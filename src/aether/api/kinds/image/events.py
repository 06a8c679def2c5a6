"""What the stream of a generation tells."""

from typing import Annotated

import msgspec
from msgspec import Meta

from aether.api.jobs.event_presenter import EventPayload, EventVocabulary, step_position
from aether.api.kinds.image.schemas import STATUSES, GenerationAttempt, generation_attempt
from aether.domain.job import Job

_IMAGE = "image"


class ImageNews(msgspec.Struct, frozen=True):
    """An image is finished, and can be had while the others are being made."""

    position: Annotated[int, Meta(ge=0, description="Its place among the images, from 0.")]
    url: Annotated[str, Meta(description="Where it is for as long as the job lives.")]


def _finished(step: str, _: Job, url: str) -> EventPayload | None:
    position = step_position(step, _IMAGE)
    return None if position is None else EventPayload("image", ImageNews(position, f"{url}/images/{position}"))


IMAGE_EVENTS = EventVocabulary(
    STATUSES,
    _finished,
    generation_attempt,
    lambda _: None,
    {"image": ImageNews, "attempt": GenerationAttempt},
)
