"""What the OpenAPI document shows as examples: a job at each status, as the API itself would answer it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from aether.api.http import sse
from aether.api.inbox.controller import Acknowledged, NotificationPage, notification_item
from aether.api.kinds.checklist.schemas import ChecklistAccepted, checklist_job, checklist_page
from aether.api.kinds.image.schemas import GenerationAccepted, generation_job, generation_page
from aether.api.kinds.report.schemas import ReportAccepted, report_job, report_page
from aether.api.webhooks.schemas import delivery_page, delivery_view, endpoint_view, secrets_view
from aether.domain import webhook
from aether.domain.checklist import Checklist, Item, Summary
from aether.domain.image import Image
from aether.domain.job import Attempt, Job, Kind, Problem, Status, Step, StepStatus, Usage
from aether.domain.listing import JobPage, JobSummary, encode_cursor
from aether.domain.notification import Notification
from aether.domain.report import Outline, OutlineItem, Section

_ID = "0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11"
_BEGUN = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
_OUTLINE = Outline((OutlineItem("From Village to Republic"), OutlineItem("The Age of the Emperors")))


def _done(name: str, result: object) -> Step:
    return Step(
        name,
        status=StepStatus.DONE,
        attempts=1,
        started_at=_BEGUN,
        finished_at=_BEGUN + timedelta(seconds=2),
        result=Raw(msgspec.json.encode(result)),
    )


_OUTLINED = _done("outline", _OUTLINE)


def _section(position: int, text: str | None) -> Step:
    begun = Step(
        f"section:{position}",
        position + 1,
        StepStatus.RUNNING,
        _OUTLINE.headings[position],
        attempts=1,
        started_at=_BEGUN + timedelta(seconds=2),
    )
    if text is None:
        return begun
    result = Raw(msgspec.json.encode(Section(text)))
    return replace(begun, status=StepStatus.DONE, finished_at=_BEGUN + timedelta(seconds=9), result=result)


_FIRST = _section(0, "Rome began as a village on the Tiber …")
_JOB = Job(
    id=_ID,
    kind=Kind.REPORT,
    owner="local",
    input=Raw(b'{"topic":"The Roman Empire","sections":2}'),
    status=Status.PROCESSING,
    version=7,
    epoch=2,
    created_at=_BEGUN,
    queued_at=_BEGUN,
    updated_at=_BEGUN + timedelta(seconds=9),
    expires_at=_BEGUN + timedelta(days=1, seconds=9),
    total=3,
    steps=(_OUTLINED, _FIRST, _section(1, None)),
    usage=Usage(2, 640, 810),
)
_TIMEOUT = "The model server could not be reached: timeout."
_COMPLETED = replace(
    _JOB, status=Status.COMPLETED, version=9, steps=(_OUTLINED, _FIRST, _section(1, "Augustus kept the forms …"))
)
_FAILED = replace(
    _JOB,
    status=Status.FAILED,
    version=12,
    steps=(_OUTLINED, _FIRST, replace(_section(1, None), status=StepStatus.FAILED)),
    attempts=(Attempt("section:1", 1, _BEGUN + timedelta(seconds=5), _TIMEOUT),),
    problem=Problem("model-failed", f"II. The Age of the Emperors failed: {_TIMEOUT}", "section:1"),
)
_PENDING = replace(_JOB, status=Status.PENDING, version=1, total=0, steps=(Step("outline"),), usage=Usage())

_SUMMARISED = _done("summary", Summary("Clean hands before food; raw and cooked food apart."))
_LISTED = _done(
    "checklist",
    Checklist(
        (
            Item("Wash your hands before meals.", "Wash your hands before meals."),
            Item("Separate raw from cooked food.", "Keep raw and cooked food apart."),
        )
    ),
)
_GUIDELINE = {"input_text": "Wash your hands before meals.\nKeep raw and cooked food apart."}
_CHECKLIST = replace(
    _JOB, kind=Kind.CHECKLIST, input=Raw(msgspec.json.encode(_GUIDELINE)), version=4, total=2, steps=(_SUMMARISED,)
)
_CHECKED = replace(_CHECKLIST, status=Status.COMPLETED, version=6, steps=(_SUMMARISED, _LISTED))
_UNCHECKED = replace(
    _CHECKLIST, status=Status.FAILED, problem=Problem("model-failed", f"Checklist failed: {_TIMEOUT}", "checklist")
)

_PROMPT = {"prompt": "A lighthouse in a storm, in oils"}
_URL = f"http://127.0.0.1:8000/api/generation/{_ID}"
_BUSY = "The model server is overloaded (HTTP 429)."
_GENERATION = replace(
    _JOB,
    kind=Kind.IMAGE,
    input=Raw(msgspec.json.encode(_PROMPT)),
    version=3,
    total=1,
    steps=(Step("image:0", status=StepStatus.RUNNING),),
    attempts=(
        Attempt("image:0", 1, _BEGUN + timedelta(seconds=1), _BUSY, _BEGUN + timedelta(seconds=3.5), status=429),
    ),
)
_PAINTED = replace(
    _GENERATION,
    status=Status.COMPLETED,
    version=5,
    steps=(_done("image:0", Image("image/png", 1_048_576, "9f86d081884c7d65")),),
)
_UNPAINTED = replace(
    _GENERATION, status=Status.FAILED, problem=Problem("model-refused", "The model declined to answer: policy.")
)


_TOLD = Notification(
    1_768_469_409_000_000, Kind.REPORT, _ID, Status.COMPLETED, _COMPLETED.updated_at, _COMPLETED.version
)


_HOOK = "https://example.com/hooks/aether"
_WEBHOOK = webhook.Webhook(_HOOK)
_SECRET = webhook.SigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
_REFUSED = webhook.DeliveryAttempt(1, _COMPLETED.updated_at, 0.21, 503, "The receiver answered 503.")
_UNDELIVERED = webhook.Delivery(
    id=f"{_ID}-{_COMPLETED.version}",
    owner=_JOB.owner,
    job_id=_ID,
    kind=Kind.REPORT,
    event=Status.COMPLETED,
    version=_COMPLETED.version,
    url=_HOOK,
    per_job=False,
    status=webhook.DeliveryStatus.PENDING,
    created_at=_COMPLETED.updated_at,
    expires_at=_COMPLETED.updated_at + timedelta(days=7),
    next_at=_COMPLETED.updated_at + timedelta(seconds=5),
    attempt_count=1,
    attempts=(replace(_REFUSED, next_at=_COMPLETED.updated_at + timedelta(seconds=5)),),
)
_DEAD = replace(_UNDELIVERED, status=webhook.DeliveryStatus.DEAD, next_at=None, attempts=(_REFUSED,))
_DELIVERY_PAGE = webhook.DeliveryPage((_UNDELIVERED,), encode_cursor(_UNDELIVERED.sort_key))
_ENDED = webhook.EndedJob(_ID, Kind.REPORT, "completed", _COMPLETED.version, f"/reports/{_ID}")


def _page(job: Job) -> JobPage:
    """List this job as the first of two pages."""
    entry = JobSummary(
        job.id,
        job.kind,
        job.status,
        job.input,
        job.version,
        job.progress,
        job.created_at,
        job.updated_at,
        job.expires_at,
    )
    return JobPage((entry,), encode_cursor(entry.sort_key))


EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "ReportBody": {
        "topicOnly": {"topic": "The Roman Empire"},
        "withWishes": {
            "topic": "The Roman Empire",
            "outline": ["From Village to Republic", "The Age of the Emperors"],
            "language": "English",
            "tone": "dry and precise",
            "audience": "secondary school",
            "length": "brief",
            "instructions": "Name a date for every claim.",
            "metadata": {"project": "history"},
        },
    },
    "ReportAccepted": {"accepted": ReportAccepted(_ID)},
    "ReportJob": {
        "pending": report_job(_PENDING),
        "processing": report_job(_JOB),
        "completed": report_job(_COMPLETED),
        "failed": report_job(_FAILED),
        "cancelled": report_job(replace(_JOB, status=Status.CANCELLED, version=8)),
    },
    "ReportPage": {"page": report_page(_page(_COMPLETED))},
    "RetryBody": {"higher": {"maxTokens": 50_000}, "same": {}},
    "ChecklistBody": {"guideline": _GUIDELINE},
    "ChecklistAccepted": {"accepted": ChecklistAccepted(_ID)},
    "ChecklistJob": {
        "pending": checklist_job(replace(_CHECKLIST, status=Status.PENDING, version=1, total=0, steps=())),
        "running": checklist_job(_CHECKLIST),
        "succeeded": checklist_job(_CHECKED),
        "failed": checklist_job(_UNCHECKED),
        "cancelled": checklist_job(replace(_CHECKLIST, status=Status.CANCELLED)),
    },
    "ChecklistPage": {"page": checklist_page(_page(_CHECKED))},
    "ChecklistRetryBody": {"longer": {"deadline_seconds": 7_200}, "same": {}},
    "GenerationBody": {"promptOnly": _PROMPT, "withWishes": _PROMPT | {"count": 2, "size": "1024x1024"}},
    "GenerationAccepted": {"accepted": GenerationAccepted(_ID)},
    "GenerationJob": {
        "pending": generation_job(_GENERATION, _URL),
        "complete": generation_job(_PAINTED, _URL),
        "failed": generation_job(_UNPAINTED, _URL),
        "cancelled": generation_job(replace(_GENERATION, status=Status.CANCELLED), _URL),
    },
    "GenerationPage": {"page": generation_page(_page(_PAINTED))},
    "NotificationPage": {"page": NotificationPage((notification_item(_TOLD),), 1, str(_TOLD.id))},
    "NotificationEvent": {
        "completed": sse.event("notification", notification_item(_TOLD), _TOLD.id).decode(),
    },
    "AcknowledgeBody": {"one": {"ids": [str(_TOLD.id)]}},
    "Acknowledged": {"first": Acknowledged(1, 0), "again": Acknowledged(0, 0)},
    "WebhookBody": {"all": {"url": _HOOK}, "some": {"url": _HOOK, "events": ["failed", "cancelled"]}},
    "Endpoint": {
        "set": endpoint_view(webhook.Endpoint(_WEBHOOK)),
        "disabled": endpoint_view(webhook.Endpoint(_WEBHOOK, _BEGUN)),
    },
    "Secrets": {"rotated": secrets_view((_SECRET, replace(_SECRET, until=_BEGUN + timedelta(days=1))))},
    "Delivery": {"dead": delivery_view(_DEAD), "pending": delivery_view(_UNDELIVERED)},
    "DeliveryPage": {
        "page": delivery_page(webhook.DeliveryPage((_UNDELIVERED,), encode_cursor(_UNDELIVERED.sort_key)))
    },
    "JobEnded": {"report": webhook.JobEnded("report.completed", _COMPLETED.updated_at, _ENDED)},
    "Live": {"live": {"status": "ok"}},
    "Ready": {"ready": {"status": "ready", "redis": "ok", "worker": "ok"}},
}
