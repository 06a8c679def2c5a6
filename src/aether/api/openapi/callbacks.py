"""OpenAPI callbacks: the webhook request that receivers get."""

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIType

from aether.domain.webhook import JobEnded

_DESCRIPTION = """The request is signed according to [Standard Webhooks](https://www.standardwebhooks.com). Verify it
with one of their libraries and the secret from `GET /webhooks/secret`. Answer any 2xx to accept the delivery, or 410 to
disable the endpoint. After any other answer, redirects included, the delivery is attempted again for three days, never
sooner than `Retry-After` asks.
"""


def _header(name: str, description: str) -> Parameter:
    return Parameter(name, "header", schema=Schema(type=OpenAPIType.STRING), description=description, required=True)


_BODY = OpenAPIMediaType(schema=Reference(f"#/components/schemas/{JobEnded.__name__}"))

JOB_ENDED = PathItem(
    post=Operation(
        operation_id="jobEnded",
        summary="A job has ended",
        description=_DESCRIPTION,
        # Without a tag: client generators would put it into one class with the operations below `/webhooks`, which are
        # lost then.
        parameters=[
            _header("webhook-id", "The same in all attempts of a delivery; use it to recognise repeated ones."),
            _header("webhook-timestamp", "When this attempt was made, as a Unix timestamp in seconds."),
            _header("webhook-signature", "`v1,` and a signature, for each valid secret, newest first."),
        ],
        request_body=RequestBody(required=True, content={"application/json": _BODY}),
        responses={
            "2XX": OpenAPIResponse(description="The delivery is accepted."),
            "410": OpenAPIResponse(description="The endpoint is disabled."),
        },
    )
)
