"""Image examples: a generation with each status, and an event, for the OpenAPI document."""

from datetime import timedelta

from msgspec.structs import replace

from aether.api.http import sse
from aether.api.jobs.examples import NO_WORKER, STARTED_AT, Examples, example_job, finished_step, first_page
from aether.api.kinds.image.events import ImageNews
from aether.api.kinds.image.resource import GENERATIONS
from aether.api.kinds.image.schemas import GenerationAccepted, generation_job, generation_page
from aether.domain.image import Image
from aether.domain.job import Attempt, Kind, Problem, Status, Step, StepStatus, Usage

_PROMPT = {"prompt": "A lighthouse in a storm, in oils"}
_BUSY = "The model server is overloaded (HTTP 429)."
_JOB = replace(
    example_job(Kind.IMAGE, _PROMPT),
    version=3,
    total=1,
    steps=(Step("image:0", status=StepStatus.RUNNING),),
    attempts=(
        Attempt(
            "image:0", 1, STARTED_AT + timedelta(seconds=1), _BUSY, STARTED_AT + timedelta(seconds=3.5), status=429
        ),
    ),
    usage=Usage(2, 640, 810),
)
_URL = f"http://127.0.0.1:8000{GENERATIONS.path_of(_JOB.id)}"
_COMPLETED = replace(
    _JOB,
    status=Status.COMPLETED,
    version=5,
    steps=(finished_step("image:0", Image("image/png", 1_048_576, "9f86d081884c7d65")),),
)
_FAILED = replace(_JOB, status=Status.FAILED, problem=Problem("model-refused", "The model declined to answer: policy."))

IMAGE_EXAMPLES: Examples = {
    "GenerationBody": {"promptOnly": _PROMPT, "withWishes": _PROMPT | {"count": 2, "size": "1024x1024"}},
    "GenerationAccepted": {"accepted": GenerationAccepted(_JOB.id)},
    "GenerationJob": {
        "pending": generation_job(_JOB, _URL),
        "noWorker": generation_job(_JOB, _URL, NO_WORKER),
        "complete": generation_job(_COMPLETED, _URL),
        "failed": generation_job(_FAILED, _URL),
        "cancelled": generation_job(replace(_JOB, status=Status.CANCELLED), _URL),
    },
    "GenerationPage": {"page": generation_page(first_page(_COMPLETED))},
    "GenerationEvent": {"image": sse.event("image", ImageNews(0, f"{_URL}/images/0"), 4).decode()},
}
