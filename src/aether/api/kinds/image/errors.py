"""Image errors: those that only the image resource raises."""

from http import HTTPStatus
from typing import ClassVar

from aether.api.http.problems import ProblemType
from aether.errors import AetherError, CallerError


class NoImageModelError(AetherError):
    """No image model is configured."""

    problem_type: ClassVar = ProblemType("no-image-model", HTTPStatus.NOT_IMPLEMENTED, "No image model")

    def __init__(self) -> None:
        super().__init__("No image model is set; set AETHER_IMAGE_MODEL for the API and its workers.")


class UnknownImageError(CallerError):
    """The job has no such image, or it is not finished yet."""

    problem_type: ClassVar = ProblemType("unknown-image", HTTPStatus.NOT_FOUND, "Unknown image")

    def __init__(self) -> None:
        super().__init__("The job has no finished image at this position.")
