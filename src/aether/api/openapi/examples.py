"""OpenAPI examples: bodies and responses of everything that belongs to no kind of job."""

from datetime import timedelta

import msgspec
from msgspec.structs import replace

from aether.api.http import sse
from aether.api.inbox.controller import Acknowledged, NotificationPage, notification_item
from aether.api.jobs.examples import STARTED_AT, Examples, example_token
from aether.api.jobs.read_tokens import JobToken
from aether.api.kinds import KINDS, href
from aether.api.openapi.operations import EXAMPLE_ID
from aether.api.templates.schemas import template_page, template_view
from aether.api.webhooks.schemas import delivery_page, delivery_view, endpoint_view, secrets_view
from aether.domain import webhook
from aether.domain.job import Kind, Status
from aether.domain.listing import encode_cursor
from aether.domain.notification import Notification
from aether.domain.report_request import Length
from aether.domain.template import (
    Template,
    TemplateDefaults,
    TemplatePage,
    TemplateSection,
    TemplateVariable,
    TemplateVersion,
)

_ENDED_AT = STARTED_AT + timedelta(seconds=9)
_NOTIFICATION = Notification(1_768_469_409_000_000, Kind.REPORT, EXAMPLE_ID, Status.COMPLETED, _ENDED_AT, 9)
_URL = "https://example.com/hooks/aether"
_WEBHOOK = webhook.Webhook(_URL)
_SECRET = webhook.SigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
_SECTIONS = (
    TemplateSection("{{company}} and Its Products", covers="What {{company}} sells, and to whom."),
    TemplateSection("Competitors", length=Length.DETAILED),
)
_VARIABLES = {"company": TemplateVariable("The company in question.")}
_TEMPLATE = Template("Market brief", _SECTIONS, variables=_VARIABLES, defaults=TemplateDefaults(tone="dry"))
_TEMPLATE_VERSION = TemplateVersion("market-brief", 3, _TEMPLATE, (1, 2, 3), created_at=STARTED_AT)
_FAILED_ATTEMPT = webhook.DeliveryAttempt(1, _ENDED_AT, 0.21, 503, "The receiver answered 503.")
_PENDING = webhook.Delivery(
    id=f"{EXAMPLE_ID}-9",
    owner="local",
    job_id=EXAMPLE_ID,
    kind=Kind.REPORT,
    event=Status.COMPLETED,
    version=9,
    url=_URL,
    per_job=False,
    status=webhook.DeliveryStatus.PENDING,
    created_at=_ENDED_AT,
    expires_at=_ENDED_AT + timedelta(days=7),
    next_at=_ENDED_AT + timedelta(seconds=5),
    attempt_count=1,
    attempts=(replace(_FAILED_ATTEMPT, next_at=_ENDED_AT + timedelta(seconds=5)),),
)
_DEAD = replace(_PENDING, status=webhook.DeliveryStatus.DEAD, next_at=None, attempts=(_FAILED_ATTEMPT,))
_ENDED = webhook.EndedJob(EXAMPLE_ID, Kind.REPORT, "completed", 9, href(Kind.REPORT, EXAMPLE_ID))

EXAMPLES: Examples = {
    "RetryBody": {"higher": {"maxTokens": 50_000}, "same": {}},
    "TokenBody": {"usual": {}, "brief": {"expiresIn": 60}},
    "JobToken": {"issued": example_token(JobToken, KINDS[Kind.REPORT])},
    "NotificationPage": {"page": NotificationPage((notification_item(_NOTIFICATION),), 1, str(_NOTIFICATION.id))},
    "NotificationEvent": {
        "completed": sse.event("notification", notification_item(_NOTIFICATION), _NOTIFICATION.id).decode(),
    },
    "AcknowledgeBody": {"one": {"ids": [str(_NOTIFICATION.id)]}},
    "Acknowledged": {"first": Acknowledged(1, 0), "again": Acknowledged(0, 0)},
    "WebhookBody": {"all": {"url": _URL}, "some": {"url": _URL, "events": ["failed", "cancelled"]}},
    "Endpoint": {
        "set": endpoint_view(webhook.Endpoint(_WEBHOOK)),
        "disabled": endpoint_view(webhook.Endpoint(_WEBHOOK, STARTED_AT)),
    },
    "Secrets": {"rotated": secrets_view((_SECRET, replace(_SECRET, until=STARTED_AT + timedelta(days=1))))},
    "Delivery": {"dead": delivery_view(_DEAD), "pending": delivery_view(_PENDING)},
    "DeliveryPage": {"page": delivery_page(webhook.DeliveryPage((_PENDING,), encode_cursor(_PENDING.sort_key)))},
    "TemplateBody": {"market": msgspec.to_builtins(_TEMPLATE)},
    "CopyBody": {"report": {"fromReport": EXAMPLE_ID, "name": "market-brief"}},
    "TemplateView": {"version": template_view(_TEMPLATE_VERSION)},
    "TemplatePage": {"page": template_page(TemplatePage((_TEMPLATE_VERSION.summary,)))},
    "JobEnded": {"report": webhook.JobEnded("report.completed", _ENDED_AT, _ENDED)},
    "Live": {"live": {"status": "ok"}},
    "Ready": {"ready": {"status": "ready", "redis": "ok", "worker": "ok"}},
}
