"""What receivers of webhooks are to expect, for the OpenAPI document."""

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

_WORDS = """Signed as [Standard Webhooks](https://www.standardwebhooks.com) has it: verify it with one of its libraries
and the secret from `GET /webhooks/secret`. Any 2xx takes it; 410 asks for no more; anything else, redirects included,
is tried again for three days, never sooner than `Retry-After` asks.
"""


def _header(name: str, description: str) -> Parameter:
    return Parameter(name, "header", schema=Schema(type=OpenAPIType.STRING), description=description, required=True)


_BODY = OpenAPIMediaType(schema=Reference(f"#/components/schemas/{JobEnded.__name__}"))

JOB_ENDED = PathItem(
    post=Operation(
        operation_id="jobEnded",
        summary="A job has ended",
        description=_WORDS,
        # No tag: clients would get one class for it and for the operations below `/webhooks`, and lose those.
        parameters=[
            _header("webhook-id", "The same at every try of a delivery: what to tell repeats by."),
            _header("webhook-timestamp", "When this try was made, in seconds of the Unix epoch."),
            _header("webhook-signature", "`v1,` and a signature, for each valid secret, the newest first."),
        ],
        request_body=RequestBody(required=True, content={"application/json": _BODY}),
        responses={
            "2XX": OpenAPIResponse(description="The delivery is taken."),
            "410": OpenAPIResponse(description="Nothing more is wanted: the endpoint is disabled."),
        },
    )
)
