"""Keys in Redis: each key of Aether's own with its lifetime, and the loader of the scripts that use them."""

from collections.abc import Sequence
from importlib.resources import files

from aether.domain.job import Kind, Status
from aether.domain.template import MAX_TEMPLATES, MAX_VERSIONS  # noqa: F401 - for the scripts
from aether.leased_queue import ARQ_QUEUE
from aether.leased_queue.scripts import Script, lua_constants, lua_source

# Each comment names the type and content of the key, then its lifetime.
RECORD = "aether:job:"  # hash: a job's record; the time to live, from its last change
EVENTS = "aether:event-log:"  # list: the job's events, as `event_log` describes; INDEX_SLACK_MS longer than the record
EVENT_STREAM = "aether:events:"  # stream: events, as older versions store them; as the record
FILES = "aether:files:"  # hash: the job's files, in pieces as `RedisFiles` describes; as the events
CHANGES = "aether:changed:"  # channel: the job's new version
TEXTS = "aether:text:"  # channel: deltas of the job's texts, as JSON
INDEX = "aether:index:"  # "<kind>:<status>:<owner>", sorted set: these jobs; INDEX_SLACK_MS longer than their records
IDEMPOTENCY = "aether:once:"  # hash: the job created with this idempotency key, and its fingerprint; as its record
PACE = "aether:pace:"  # hash: recent pace of jobs of a kind; PACE_MS from the last completed job
INBOX = "aether:inbox:"  # sorted set: an owner's notifications; the inbox's time to live, from the latest one
UNREAD = "aether:unread:"  # sorted set: those that are not acknowledged; as the inbox
ARRIVALS = "aether:arrived:"  # channel: the id of the owner's latest notification
BUCKET = "aether:bucket:"  # "<tokens>:<µs per token>:<owner>", string: when the bucket will be full, in µs; until then
FENCES = "aether:fences"  # channel: "<job id> <epoch>" when a job is taken from its run
ENDPOINT = "aether:webhook:"  # hash: an owner's default webhook; ENDPOINT_MS from its last use
SECRETS = "aether:webhook-secrets:"  # sorted set: an owner's signing secrets by expiry; ENDPOINT_MS from their last use
DELIVERY = "aether:delivery:"  # hash: a delivery; DELIVERY_MS from its last attempt, or from the next one
DELIVERIES = "aether:deliveries:"  # "<status or all>:<owner>", sorted set: these deliveries; as the latest of them
DELIVERIES_OF_JOB = "aether:deliveries-of:"  # sorted set: a job's deliveries; as the latest of them
READ_TOKENS = "aether:tokens:"  # sorted set: a job's read tokens by expiry; as the last of them
ACCESS_KEYS = "aether:keys"  # hash: id → API key as JSON, and `version`; configuration, so it does not expire
TEMPLATES = "aether:templates:"  # hash: an owner's templates by name, each with its newest version; until deleted
TEMPLATE = "aether:template:"  # "<name>:<owner>", hash: versions of a template; until deleted, then RETIRED_MS the last
WEBHOOKS = "aether:webhooks"  # a queue as arq's own: delivery attempts, "<delivery id>:<number of the attempt>"
FORMER_QUEUE = ARQ_QUEUE  # the queue of versions up to 0.1, and of other programs with arq
DIALECTS = "aether:dialects:"  # hash: what is known about a model server's models, by model; DIALECT_MS from a change
WORKERS = "aether:workers"  # sorted set: workers by the time of their last announcement; WORKER_TTL_S from the latest
READY = "aether:ready"  # string: written to find out whether writes are accepted; READY_MS from the latest probe
SWEPT = "aether:swept"  # string: a worker has begun to look for lost jobs; half the interval between sweeps
DELIVER = "deliver"  # the worker's function for the entries of that queue

KINDS = " ".join(Kind)
STATUSES = " ".join(Status)
INDEX_SLACK_MS = 60_000
PRUNE_EVERY = 8  # how often expired members of a list are looked for
PACE_MS = 7 * 24 * 60 * 60 * 1000
INBOX_DROP_MS = 60_000
PIECE_BYTES = 256 * 1024  # of a file, in one field of its hash
DELIVERY_MS = 7 * 24 * 60 * 60 * 1000
ENDPOINT_MS = 400 * 24 * 60 * 60 * 1000
RETIRED_MS = 400 * 24 * 60 * 60 * 1000
DIALECT_MS = 24 * 60 * 60 * 1000
WORKER_TTL_S = 15  # how long after its announcement a worker counts as running
READY_MS = 60_000
MAX_SECRETS = 5
MAX_READ_TOKENS = 20
MAX_ATTEMPTS = 50  # stored per delivery


def script(name: str, *libraries: str, queue_libraries: Sequence[str] = ()) -> Script:
    """Return a script of the `lua` folder, preceded by the queue's functions, the constants above and these libraries.

    The server runs a library's definitions at each call, so name only those that the script uses.
    """
    folder = files(__package__).joinpath("lua")
    sources = (folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in (*libraries, name))
    return Script(lua_source(*queue_libraries) + lua_constants(globals()) + "".join(sources))
