"""The words at the head of the OpenAPI document."""

from collections.abc import Iterator

from litestar.handlers import HTTPRouteHandler

from aether.api.http.problems import JOB_PROBLEMS, PROBLEMS, ProblemType, type_uri
from aether.api.kinds import KINDS
from aether.api.kinds.routers import controller_of
from aether.api.openapi.operations import ProblemSpec

_DESCRIPTION = """Durable jobs, of several kinds:

{kinds}

A POST to one of these paths is accepted at once. A GET of the address in `Location` shows the job with everything that
is finished so far. `Retry-After` says when to ask again, and is absent once the job has ended. With an
`Idempotency-Key`, such a POST can be sent again until it is answered; it creates one job only.

Every error is `application/problem+json` (RFC 9457). A body that is not JSON is a 400; JSON that breaks a rule is a 422
that names field and rule. Every answer carries `X-Request-Id`.

Calls take a key, `Authorization: Bearer aether_…`, or a token of the server's identity provider; a server that has
neither yet may be used without, from its own machine. With the scope `read` one may look; with `write` also ask for
jobs, change and forget them, and acknowledge; with `admin` also say where webhooks go, and see what signs them. What
belongs to another owner is answered as what never was. A page in a browser reads one job by a read token of that job.

Where requests are limited, every answer says how (draft-ietf-httpapi-ratelimit-headers-11):
`RateLimit-Policy: "requests";q=600;w=60` allows 600 at once, which come back evenly within 60 seconds;
`RateLimit: "requests";r=590;t=1` says that 590 are left, and in how many seconds all are back, or, if none is left, the
next one. Beyond that comes a 429 with `Retry-After`, which costs nothing.

A text is measured without the white space around it, and holds no control characters; those that may have several lines
may hold line breaks and tabs. A parameter of the query is given only once. Every path may have a slash at its end.

| `type` | status | meaning |
|---|---|---|
{rows}
"""


def description() -> str:
    """Return the text at the head of the document, with every kind of job and every problem type."""
    kinds = "\n".join(f"* `{each.path}`: {each.about}" for each in KINDS.values())
    types = sorted([*PROBLEMS.values(), *_problem_types_of_kinds()], key=lambda each: (each.status, each.word))
    answers = {kind.word: (str(kind.status.value), kind.title) for kind in types}
    jobs = {word: ("in a failed job", title) for word, title in JOB_PROBLEMS.items()}
    rows = "\n".join(
        f"| `{type_uri(word)}` | {where} | {title} |" for word, (where, title) in [*answers.items(), *jobs.items()]
    )
    return _DESCRIPTION.format(kinds=kinds, rows=rows)


def _problem_types_of_kinds() -> Iterator[ProblemType]:
    """Return what the handlers of the kinds have declared."""
    for resource in KINDS.values():
        for handler in vars(controller_of(resource)).values():
            specs = (handler.responses or {}).values() if isinstance(handler, HTTPRouteHandler) else ()
            yield from (each for spec in specs if isinstance(spec, ProblemSpec) for each in spec.problem_types)
