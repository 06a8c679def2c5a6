"""Inbox controller: `/notifications`, one for each time that a job has ended, until the caller acknowledges it."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated

import msgspec
from litestar import Router
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET, Meta, UnsetType

from aether.api.http import sse
from aether.api.http.last_event_id import LastEventId
from aether.api.http.pagination import Limit
from aether.api.http.problems import AnyRequest
from aether.api.http.public_url import prefix_of
from aether.api.http.route_handler import get, post
from aether.api.http.sse import EventStream
from aether.api.http.validation_errors import MAX_ERRORS
from aether.api.jobs.fields import Count, JobId, Timestamp, unset_if_none
from aether.api.kinds import KINDS, href
from aether.api.openapi.operations import BODY_ERRORS, problems
from aether.domain.job import Kind
from aether.domain.notification import MAX_NOTIFICATION_ID, Notification
from aether.domain.webhook import Ending
from aether.errors import FieldError
from aether.services.inbox import Inbox

_PATH = "/notifications"
_MAX_IDS = 1_000
_ID_RULE = "must be the id of a notification"
_ID = re.compile(r"\d{1,16}", re.ASCII)
# It is simpler than all ids up to the largest one; the ids it excludes are more than two centuries in the future.
_ID_PATTERN = "^[0-8]?[0-9]{1,15}$"

_EXAMPLE = "1768469409000000"
NotificationId = Annotated[
    str,
    Meta(
        description="The id never changes, and is greater than the ids of all earlier notifications.",
        extra_json_schema={"pattern": _ID_PATTERN},
        examples=[_EXAMPLE],
    ),
]
Unread = Annotated[Count, Meta(description="How many notifications are not acknowledged.")]

_After = QueryParameter(
    description="Only notifications after the one with this `id`.", schema_extra={"pattern": _ID_PATTERN}
)
_Unacked = QueryParameter(description="Only notifications that are not acknowledged.")


class NotificationItem(msgspec.Struct, frozen=True, rename="camel"):
    """A job has ended."""

    id: NotificationId
    kind: Kind
    job_id: JobId
    status: Ending
    at: Annotated[Timestamp, Meta(description="When the job ended.")]
    version: Annotated[int, Meta(ge=1, description="The job's version at this end.")]
    href: Annotated[
        str,
        Meta(
            description="The job's path; 404 once the job has expired. If this server does not know the `kind`, as "
            "during the rollout of a release, it is the path of this notification, which shows the job's path as soon "
            "as the server knows the kind."
        ),
    ]
    acked: Annotated[bool, Meta(description="Whether it is acknowledged.")]


class NotificationPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of notifications, oldest first."""

    notifications: Annotated[tuple[NotificationItem, ...], Meta(description="The notifications of this page.")]
    unread: Unread
    next_cursor: (
        Annotated[str, Meta(description="The `after` of the next page; absent on the last page.")] | UnsetType
    ) = UNSET


class AcknowledgeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The notifications to acknowledge."""

    ids: Annotated[
        tuple[NotificationId, ...], Meta(min_length=1, max_length=_MAX_IDS, description="The ids of the notifications.")
    ]

    def __post_init__(self) -> None:
        errors = [FieldError(f"ids[{position}]", _ID_RULE) for position, each in enumerate(self.ids) if not is_id(each)]
        if errors:
            raise FieldError.of(errors[:MAX_ERRORS])


class Acknowledged(msgspec.Struct, frozen=True):
    """The result of an acknowledgement."""

    acknowledged: Annotated[Count, Meta(description="How many notifications were newly acknowledged.")]
    unread: Unread


def parse_id(notification_id: str, field: str) -> int:
    """Return the number in a notification's id; `field` is named in the error.

    Raises:
        FieldError: it is not an id.
    """
    if not is_id(notification_id):
        raise FieldError(field, _ID_RULE)
    return int(notification_id)


def is_id(text: str) -> bool:
    """Whether this is the id of a notification, which may not exist."""
    return bool(_ID.fullmatch(text)) and int(text) <= MAX_NOTIFICATION_ID


def notification_item(notification: Notification, root: str = "") -> NotificationItem:
    """Return a notification as the wire shows it; `root` is the prefix of all paths of this service."""
    return NotificationItem(
        id=str(notification.id),
        kind=notification.kind,
        job_id=notification.job_id,
        status=notification.status.value,  # type: ignore[arg-type]  # a final status
        at=notification.at,
        version=notification.version,
        href=root + _href(notification),
        acked=notification.acked,
    )


def _href(notification: Notification) -> str:
    if notification.kind in KINDS:
        return href(notification.kind, notification.job_id)
    # A guessed path would answer 404, which means that the job has expired.
    return f"{_PATH}?after={notification.id - 1}&limit=1"


@get(
    summary="List your notifications",
    response_description="A page of notifications, oldest first.",
    responses=problems(FieldError),
)
async def list_notifications(  # noqa: PLR0913 - the filters
    request: AnyRequest,
    notifications: NamedDependency[Inbox],
    owner: NamedDependency[str],
    *,
    after: Annotated[str | None, _After] = None,
    unacked: Annotated[bool, _Unacked] = False,
    limit: Limit = 20,
) -> NotificationPage:
    """There is one for each time that one of your jobs has completed, failed or been cancelled, even if it was retried.

    By default they are kept for a week, but not longer than the job.
    """
    after_id = 0 if after is None else parse_id(after, "after")
    page = await notifications.page(owner, after_id, limit, unacked=unacked)
    items = tuple(notification_item(each, prefix_of(request)) for each in page.notifications)
    return NotificationPage(items, page.unread, unset_if_none(None if page.next is None else str(page.next)))


@post(
    "/ack",
    status_code=HTTP_200_OK,
    summary="Acknowledge notifications",
    response_description="The notifications are acknowledged.",
    responses=problems(*BODY_ERRORS),
)
async def acknowledge_notifications(
    data: JSONBody[AcknowledgeBody], notifications: NamedDependency[Inbox], owner: NamedDependency[str]
) -> Acknowledged:
    """Acknowledging again changes nothing. Ids of notifications that have expired or were deleted are ignored."""
    result = await notifications.acknowledge(owner, [*map(int, data.ids)])
    return Acknowledged(result.acknowledged, result.unread)


@get(
    "/events",
    summary="Follow your notifications",
    media_type=sse.MEDIA_TYPE,
    response_description="Events named `notification`; the data is a `NotificationItem`, and the id is its `id`.",
    responses=problems(FieldError),
)
async def stream_notifications(
    request: AnyRequest,
    notifications: NamedDependency[Inbox],
    owner: NamedDependency[str],
    last_event_id: LastEventId = "",
    after: Annotated[str | None, _After] = None,
) -> EventStream:
    """The stream first sends all notifications that you have not acknowledged, then new ones.

    With `Last-Event-ID`, or else `after`, it sends only those after that id. Otherwise each connection sends all of
    them again, so the same id may come more than once. A comment is sent at least every 15 seconds.
    """
    after_id = 0 if after is None else parse_id(after, "after")
    with suppress(FieldError):
        after_id = parse_id(last_event_id, "Last-Event-ID")
    stream = notifications.follow(owner, after_id, sse.PING_INTERVAL_S)
    return EventStream(_events(stream, prefix_of(request)))


async def _events(stream: AsyncGenerator[Notification | None, None], root: str) -> AsyncGenerator[bytes, None]:
    yield sse.opening()
    async with aclosing(stream):
        async for each in stream:
            yield sse.event("notification", notification_item(each, root), each.id) if each else sse.PING


notifications_router = Router(
    _PATH,
    route_handlers=[list_notifications, stream_notifications, acknowledge_notifications],
    tags=["Notifications"],
)
