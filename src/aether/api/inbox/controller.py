"""Inbox controller: `/notifications`, one entry for each end of a job, kept until the caller acknowledges it."""

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
from aether.api.http.pagination import Limit
from aether.api.http.problems import AnyRequest
from aether.api.http.route_handler import get, post
from aether.api.http.sse import EventStream
from aether.api.jobs.event_stream import LastEventId
from aether.api.jobs.fields import Amount, JobId, Moment, or_unset
from aether.api.kinds import KINDS, href
from aether.api.openapi.operations import BODY_ERRORS, problems
from aether.domain.job import Kind
from aether.domain.notification import MAX_NOTIFICATION_ID, Notification
from aether.domain.webhook import Ending
from aether.errors import FieldError
from aether.services.inbox import Inbox

_PATH = "/notifications"
_MOST_IDS = 1_000
_ID = re.compile(r"\d{1,16}", re.ASCII)
# Nearly all up to the largest; no clock comes to the rest for two centuries.
_PATTERN = "^[0-8]?[0-9]{1,15}$"

_EXAMPLE = "1768469409000000"
NotificationId = Annotated[
    str,
    Meta(
        description="Stands for this end of this job for good, and is greater than the ids of all earlier ones.",
        extra_json_schema={"pattern": _PATTERN},
        examples=[_EXAMPLE],
    ),
]
Unread = Annotated[Amount, Meta(description="How many notifications are not acknowledged.")]

_After = QueryParameter(
    description="Only what follows this notification, by its `id`.", schema_extra={"pattern": _PATTERN}
)
_Unacked = QueryParameter(description="Only what is not acknowledged.")


class NotificationItem(msgspec.Struct, frozen=True, rename="camel"):
    """The end of a job, and where the job is."""

    id: NotificationId
    kind: Kind
    job_id: JobId
    status: Ending
    at: Annotated[Moment, Meta(description="When the job ended.")]
    version: Annotated[int, Meta(ge=1, description="The job's version at this end.")]
    href: Annotated[
        str,
        Meta(
            description="The job's path; nothing is there any more once the job has expired. For a `kind` that this "
            "server does not know, as while a release is rolled out, the path of this entry, which shows the job's "
            "path as soon as the server knows the kind."
        ),
    ]
    acked: Annotated[bool, Meta(description="Whether it is acknowledged.")]


class NotificationPage(msgspec.Struct, frozen=True, rename="camel"):
    """Some notifications, the oldest first."""

    notifications: Annotated[tuple[NotificationItem, ...], Meta(description="The notifications of this page.")]
    unread: Unread
    next_cursor: (
        Annotated[str, Meta(description="The `after` of the next page; absent on the last one.")] | UnsetType
    ) = UNSET


class AcknowledgeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the caller has seen."""

    ids: Annotated[
        tuple[NotificationId, ...], Meta(min_length=1, max_length=_MOST_IDS, description="The ids of what was seen.")
    ]

    def __post_init__(self) -> None:
        for at, given_id in enumerate(self.ids):
            number_of(given_id, f"ids[{at}]")


class Acknowledged(msgspec.Struct, frozen=True):
    """What has become of the inbox."""

    acknowledged: Annotated[Amount, Meta(description="How many of these were not acknowledged before.")]
    unread: Unread


def number_of(notification_id: str, field: str) -> int:
    """Read an id as the wire shows it.

    Raises:
        FieldError: it cannot be one.
    """
    if not _ID.fullmatch(notification_id) or int(notification_id) > MAX_NOTIFICATION_ID:
        raise FieldError(field, "must be the id of a notification")
    return int(notification_id)


def notification_item(notification: Notification, root: str = "") -> NotificationItem:
    """Show a notification; `root` stands before the paths of this service."""
    return NotificationItem(
        id=str(notification.id),
        kind=notification.kind,
        job_id=notification.job_id,
        status=notification.status.value,  # type: ignore[arg-type]  # one of those with which a job ends
        at=notification.at,
        version=notification.version,
        href=root + _href(notification),
        acked=notification.acked,
    )


def _href(notification: Notification) -> str:
    if notification.kind in KINDS:
        return href(notification.kind, notification.job_id)
    # Not a guess at the job's path: 404 there would say that the job has expired.
    return f"{_PATH}?after={notification.id - 1}&limit=1"


@get(
    summary="List your notifications",
    response_description="A page of notifications, the oldest first.",
    responses=problems(FieldError),
)
async def list_notifications(  # noqa: PLR0913 - what may be asked for
    request: AnyRequest,
    notifications: NamedDependency[Inbox],
    owner: NamedDependency[str],
    *,
    after: Annotated[str | None, _After] = None,
    unacked: Annotated[bool, _Unacked] = False,
    limit: Limit = 20,
) -> NotificationPage:
    """There is one for each time that one of your jobs has completed, failed or been cancelled, even if it was retried.

    They are kept for a week, or as the service is set up, but no longer than until the job is deleted.
    """
    behind = 0 if after is None else number_of(after, "after")
    page = await notifications.page(owner, behind, limit, unacked=unacked)
    items = tuple(notification_item(each, request.scope.get("root_path", "")) for each in page.notifications)
    return NotificationPage(items, page.unread, or_unset(None if page.next is None else str(page.next)))


@post(
    "/ack",
    status_code=HTTP_200_OK,
    summary="Acknowledge notifications",
    response_description="They are acknowledged.",
    responses=problems(*BODY_ERRORS),
)
async def acknowledge_notifications(
    data: JSONBody[AcknowledgeBody], notifications: NamedDependency[Inbox], owner: NamedDependency[str]
) -> Acknowledged:
    """Acknowledging again changes nothing, and ids of what has expired or was deleted are passed over."""
    ids = [number_of(each, "ids") for each in data.ids]
    answer = await notifications.acknowledge(owner, ids)
    return Acknowledged(answer.acknowledged, answer.unread)


@get(
    "/events",
    summary="Follow your notifications",
    media_type=sse.MEDIA_TYPE,
    response_description="Events named `notification`; the data of each is a `NotificationItem`, the id its `id`.",
    responses=problems(FieldError),
)
async def stream_notifications(
    request: AnyRequest,
    notifications: NamedDependency[Inbox],
    owner: NamedDependency[str],
    last_event_id: LastEventId = "",
    after: Annotated[str | None, _After] = None,
) -> EventStream:
    """All that you have not acknowledged comes first, then what is new.

    Behind a cursor, `Last-Event-ID` or else `after`, only what followed it comes; without one all of it comes again
    until you acknowledge it. So one may come twice: tell them apart by their ids. A comment is sent at least every
    15 seconds.
    """
    behind = 0 if after is None else number_of(after, "after")
    with suppress(FieldError):
        behind = number_of(last_event_id, "Last-Event-ID")
    following = notifications.follow(owner, behind, sse.PULSE_S)
    return EventStream(_events(following, request.scope.get("root_path", "")))


async def _events(following: AsyncGenerator[Notification | None, None], root: str) -> AsyncGenerator[bytes, None]:
    yield sse.opening()
    async with aclosing(following) as news:
        async for each in news:
            yield sse.event("notification", notification_item(each, root), each.id) if each else sse.PING


notifications_router = Router(
    _PATH,
    route_handlers=[list_notifications, stream_notifications, acknowledge_notifications],
    tags=["Notifications"],
)
