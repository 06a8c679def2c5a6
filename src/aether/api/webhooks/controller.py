"""`/webhooks`: whom to tell of the ends of jobs, and how far the telling got."""

from typing import Annotated

from litestar import Router
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from aether.api.http.pagination import Cursor, Limit
from aether.api.http.route_handler import delete, get, post, put
from aether.api.openapi.operations import BODY_ERRORS, problems
from aether.api.webhooks.schemas import (
    DELIVERY_ID,
    Delivery,
    DeliveryPage,
    DeliveryWord,
    Endpoint,
    Secrets,
    WebhookBody,
    delivery_page,
    delivery_view,
    endpoint_view,
    secrets_view,
    status_of,
    webhook_of,
)
from aether.domain.access import Scope
from aether.errors import FieldError, NoEndpointError, UnknownDeliveryError
from aether.services.webhooks import Webhooks

_Id = Annotated[
    str, PathParameter(name="deliveryId", description="The delivery's id.", schema_extra={"examples": [DELIVERY_ID]})
]
_Wanted = QueryParameter(description="Only deliveries of this status.")
_Job = QueryParameter(description="Only deliveries of the job with this id.")


@get(
    "/endpoint",
    summary="See your endpoint",
    response_description="The endpoint as it is set.",
    responses=problems(NoEndpointError),
)
async def get_endpoint(webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> Endpoint:
    """It is told of jobs of every kind, but not of those that name a webhook of their own."""
    return endpoint_view(await webhooks.endpoint(owner))


@put(
    "/endpoint",
    summary="Set your endpoint",
    opt={"scope": Scope.ADMIN},
    response_description="The endpoint as it is set.",
    responses=problems(*BODY_ERRORS),
)
async def set_endpoint(
    data: JSONBody[WebhookBody], webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]
) -> Endpoint:
    """It takes the place of the one before, and of a disabled one; what is still to be delivered goes there too."""
    return endpoint_view(await webhooks.set_endpoint(owner, webhook_of(data)))


@delete(
    "/endpoint",
    summary="Forget your endpoint",
    opt={"scope": Scope.ADMIN},
    response_description="No endpoint is set.",
    responses=problems(),
)
async def delete_endpoint(webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> None:
    """What was still to be delivered there is given up at its next try."""
    await webhooks.remove_endpoint(owner)


@get(
    "/secret",
    summary="See what signs your webhooks",
    opt={"scope": Scope.ADMIN},
    response_description="The secret, and those before it that are still valid.",
    responses=problems(),
)
async def get_webhook_secret(webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> Secrets:
    """One secret signs all of your webhooks, the endpoint's and those that jobs name; it is made when first needed."""
    return secrets_view(await webhooks.secrets(owner))


@post(
    "/secret/rotate",
    status_code=HTTP_200_OK,
    summary="Replace what signs your webhooks",
    opt={"scope": Scope.ADMIN},
    response_description="The new secret, and those before it that are still valid.",
    responses=problems(),
)
async def rotate_webhook_secret(webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> Secrets:
    """The one before stays valid for a day, or as the service is set up; until then each delivery is signed by both."""
    return secrets_view(await webhooks.rotate(owner))


@get(
    "/deliveries",
    summary="List your deliveries",
    response_description="A page of deliveries, the newest first.",
    responses=problems(FieldError),
)
async def list_deliveries(  # noqa: PLR0913 - what may be asked for
    webhooks: NamedDependency[Webhooks],
    owner: NamedDependency[str],
    *,
    status: Annotated[DeliveryWord | None, _Wanted] = None,
    job: Annotated[str | None, _Job] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> DeliveryPage:
    """There is one for each time that a job has ended and somebody was to be told.

    They are kept for a week after the last try, but no longer than until the job is deleted.
    """
    return delivery_page(await webhooks.deliveries(owner, status_of(status), job, limit, cursor))


@get(
    "/deliveries/{deliveryId:str}",
    summary="Watch a delivery",
    response_description="The delivery as it stands.",
    responses=problems(UnknownDeliveryError),
)
async def get_delivery(delivery_id: _Id, webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> Delivery:
    """Each of its tries is there, with what came of it and when the next one is due."""
    return delivery_view(await webhooks.delivery(owner, delivery_id))


@post(
    "/deliveries/{deliveryId:str}/replay",
    status_code=HTTP_202_ACCEPTED,
    summary="Deliver again",
    response_description="The delivery, queued again.",
    responses=problems(UnknownDeliveryError),
)
async def replay_delivery(
    delivery_id: _Id, webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]
) -> Delivery:
    """However it ended, it is tried at once, under the same `webhook-id` and with a new schedule.

    One that is still to be tried is left as it is.
    """
    return delivery_view(await webhooks.replay(owner, delivery_id))


webhooks_router = Router(
    "/webhooks",
    route_handlers=[
        get_endpoint,
        set_endpoint,
        delete_endpoint,
        get_webhook_secret,
        rotate_webhook_secret,
        list_deliveries,
        get_delivery,
        replay_delivery,
    ],
    tags=["Webhooks"],
)
