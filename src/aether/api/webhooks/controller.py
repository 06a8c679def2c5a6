"""Webhooks controller: `/webhooks`, the owner's endpoint, the signing secrets and the deliveries."""

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
_StatusFilter = QueryParameter(description="Only deliveries with this status.")
_JobFilter = QueryParameter(description="Only deliveries of the job with this id.")


@get(
    "/endpoint",
    summary="See your endpoint",
    response_description="The endpoint.",
    responses=problems(NoEndpointError),
)
async def get_endpoint(webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> Endpoint:
    """It receives a webhook when a job of any kind has ended, except jobs with a webhook of their own."""
    return endpoint_view(await webhooks.endpoint(owner))


@put(
    "/endpoint",
    summary="Set your endpoint",
    opt={"scope": Scope.ADMIN},
    response_description="The endpoint.",
    responses=problems(*BODY_ERRORS),
)
async def set_endpoint(
    data: JSONBody[WebhookBody], webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]
) -> Endpoint:
    """It replaces the previous endpoint, even if that is disabled. Pending deliveries go to the new one."""
    return endpoint_view(await webhooks.set_endpoint(owner, webhook_of(data)))


@delete(
    "/endpoint",
    summary="Forget your endpoint",
    opt={"scope": Scope.ADMIN},
    response_description="There is no endpoint.",
    responses=problems(has_body=False),
)
async def delete_endpoint(webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> None:
    """Pending deliveries to it are given up at their next attempt."""
    await webhooks.remove_endpoint(owner)


@get(
    "/secret",
    summary="See what signs your webhooks",
    opt={"scope": Scope.ADMIN},
    response_description="The secret, and previous ones that are still valid.",
    responses=problems(),
)
async def get_webhook_secret(webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> Secrets:
    """One secret signs all of your webhooks, also those of single jobs. It is created when first needed."""
    return secrets_view(await webhooks.secrets(owner))


@post(
    "/secret/rotate",
    status_code=HTTP_200_OK,
    summary="Replace what signs your webhooks",
    opt={"scope": Scope.ADMIN},
    response_description="The new secret, and previous ones that are still valid.",
    responses=problems(),
)
async def rotate_webhook_secret(webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> Secrets:
    """The previous secret stays valid for a day by default. Until then, both sign each delivery."""
    return secrets_view(await webhooks.rotate(owner))


@get(
    "/deliveries",
    summary="List your deliveries",
    response_description="A page of deliveries, newest first.",
    responses=problems(FieldError),
)
async def list_deliveries(  # noqa: PLR0913 - the filters
    webhooks: NamedDependency[Webhooks],
    owner: NamedDependency[str],
    *,
    status: Annotated[DeliveryWord | None, _StatusFilter] = None,
    job: Annotated[str | None, _JobFilter] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> DeliveryPage:
    """There is one for each time that a job with a webhook or endpoint has ended.

    They are kept for a week after the last attempt, but not longer than the job.
    """
    return delivery_page(await webhooks.deliveries(owner, status_of(status), job, limit, cursor))


@get(
    "/deliveries/{deliveryId:str}",
    summary="Watch a delivery",
    response_description="The delivery.",
    responses=problems(UnknownDeliveryError),
)
async def get_delivery(delivery_id: _Id, webhooks: NamedDependency[Webhooks], owner: NamedDependency[str]) -> Delivery:
    """This shows each attempt with its result, and when the next one is due."""
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
    """A delivery that has ended is attempted again at once, with the same `webhook-id` and a new retry schedule.

    A pending delivery does not change.
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
