"""OpenAPI description: the introduction of the document."""

from collections.abc import Iterator

from litestar.handlers import HTTPRouteHandler

from aether.api.http.job_problems import JOB_PROBLEMS
from aether.api.http.problems import PROBLEMS, ProblemType, type_uri
from aether.api.kinds import KINDS
from aether.api.kinds.routers import controller_of
from aether.api.openapi.operations import ProblemSpec

_DESCRIPTION = """Durable jobs of several kinds:

{kinds}

A POST to one of these paths creates a job and answers at once. A GET of the URL in `Location` shows the job with all
results so far. `Retry-After` says when to ask again; it is absent once the job has ended. With an `Idempotency-Key`,
the POST can be repeated until it is answered, and creates only one job.

Every error is `application/problem+json` (RFC 9457). A body that is not JSON is a 400, which names the line and the
column. JSON that breaks rules is a 422, which names the fields and the rules. Unknown fields and query parameters are
rejected, and so are those that are given twice. Every response has an `X-Request-Id`.

Calls need a key, `Authorization: Bearer aether_…`, or a token of the server's identity provider. While the server has
neither keys nor an identity provider, calls from its own machine need no credential. The scope `read` allows reading.
`write` also allows creating, changing and deleting jobs, and acknowledging notifications. `admin` also allows setting
the webhook endpoint, and reading the secrets that sign webhooks. Jobs of other owners are treated as unknown. A page in
a browser can read a single job with a read token of that job.

If requests are limited, every response has these headers (draft-ietf-httpapi-ratelimit-headers-11).
`RateLimit-Policy: "requests";q=600;w=60` allows 600 requests at once, which become available again evenly within
60 seconds. `RateLimit: "requests";r=590;t=1` says that 590 are left, and in how many seconds all are available again,
or, if none is left, the next one. A request beyond the limit is a 429 with `Retry-After`, and does not count.

The length of a text is measured without surrounding white space. Texts contain no control characters, except line
breaks and tabs in texts of several lines. Every path may end with a slash.

| `type` | status | meaning |
|---|---|---|
{rows}
"""


def description() -> str:
    """Return the introduction, with all kinds of job and all problem types."""
    kinds = "\n".join(f"* `{each.path}`: {each.about}" for each in KINDS.values())
    types = sorted([*PROBLEMS.values(), *_problem_types_of_kinds()], key=lambda each: (each.status, each.word))
    of_responses = {each.word: (str(each.status.value), each.title) for each in types}
    of_jobs = {word: ("in a failed job", title) for word, title in JOB_PROBLEMS.items()}
    rows = "\n".join(
        f"| `{type_uri(word)}` | {where} | {title} |"
        for word, (where, title) in [*of_responses.items(), *of_jobs.items()]
    )
    return _DESCRIPTION.format(kinds=kinds, rows=rows)


def _problem_types_of_kinds() -> Iterator[ProblemType]:
    """Yield the problem types that the handlers of the kinds declare."""
    for resource in KINDS.values():
        for handler in vars(controller_of(resource)).values():
            specs = (handler.responses or {}).values() if isinstance(handler, HTTPRouteHandler) else ()
            yield from (each for spec in specs if isinstance(spec, ProblemSpec) for each in spec.problem_types)
