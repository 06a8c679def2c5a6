"""Keys in Redis: each key of Aether's own with its lifetime, and the loader of the scripts that use them."""

from collections.abc import Sequence
from importlib.resources import files

from aether.domain.job import Kind, Status
from aether.domain.template import MAX_TEMPLATES, MAX_VERSIONS  # noqa: F401 - for the scripts
from aether.leased_queue import ARQ_QUEUE
from aether.leased_queue.key_names import Key
from aether.leased_queue.scripts import Script, lua_constants, lua_source

# Each comment names the type and content of the key, then its lifetime.
RECORD = Key("aether:job:")  # hash: a job's record; its time to live, up to SLACK_MS more while it runs
EVENT_STREAM = Key("aether:events:")  # stream: the job's events, as older versions store them; as the record
FILES = Key("aether:files:")  # hash: the job's files, in pieces, see `RedisFiles`; SLACK_MS longer than the record
CHANGES = Key("aether:changed:")  # channel: the job's new version
TEXTS = Key("aether:text:")  # channel: deltas of the job's texts, as JSON
INDEX = Key("aether:index:")  # "<kind>:<status>:<owner>", sorted set: jobs; INDEX_SLACK_MS longer than records
IDEMPOTENCY = Key("aether:once:")  # hash: the job created with this idempotency key, and its fingerprint; as its record
PACE = Key("aether:pace:")  # hash: recent pace of jobs of a kind; PACE_MS from a completed job
INBOX = Key("aether:inbox:")  # sorted set: an owner's notifications; HOUR_MS longer than the inbox's time to live
UNREAD = Key("aether:unread:")  # sorted set: those that are not acknowledged; as the inbox
ARRIVALS = Key("aether:arrived:")  # channel: the id of the owner's latest notification
BUCKET = Key("aether:bucket:")  # "<tokens>:<µs per token>:<owner>", string: when it will be full, in µs; until then
FENCES = Key("aether:fences")  # channel: "<job id> <epoch>" when a job is taken from its run
ENDPOINT = Key("aether:webhook:")  # hash: an owner's default webhook; ENDPOINT_MS from its last use
SECRETS = Key("aether:webhook-secrets:")  # sorted set: an owner's secrets by expiry; ENDPOINT_MS from their last use
DELIVERY = Key("aether:delivery:")  # hash: a delivery; DELIVERY_MS from its last attempt, or from the next one
DELIVERIES = Key("aether:deliveries:")  # "<status or all>:<owner>", sorted set: these deliveries; as the latest of them
DELIVERIES_OF_JOB = Key("aether:deliveries-of:")  # sorted set: a job's deliveries; as the latest of them
READ_TOKENS = Key("aether:tokens:")  # sorted set: a job's read tokens by expiry; as the last of them
ACCESS_KEYS = Key("aether:keys")  # hash: id → API key as JSON, and `version`; configuration, so it does not expire
TEMPLATES = Key("aether:templates:")  # hash: an owner's templates by name, each with its newest version; until deleted
TEMPLATE = Key("aether:template:")  # "<name>:<owner>", hash: its versions; until deleted, then RETIRED_MS the last
WEBHOOKS = Key("aether:webhooks")  # a queue as arq's own: delivery attempts, "<delivery id>:<number of the attempt>"
FORMER_QUEUE = Key(ARQ_QUEUE)  # the queue of versions up to 0.1, and of other programs with arq
DIALECTS = Key("aether:dialects:")  # hash: what is known about a server's models, by model; DIALECT_MS from a change
WORKERS = Key("aether:workers")  # sorted set: workers by the time of their announcement; WORKER_TTL_S from the latest
READY = Key("aether:ready")  # string: written to find out whether writes are accepted; READY_MS from the latest probe
SWEPT = Key("aether:swept")  # string: a worker has begun to look for lost jobs; half the interval between sweeps
DELIVER = "deliver"  # the worker's function for the entries of that queue

KINDS = " ".join(Kind)
STATUSES = " ".join(Status)
EVENT_FIELD = "event:"  # of a record, and the version after a change: the change's events
SLACK_MS = 60_000
INDEX_SLACK_MS = 60 * 60 * 1000
PRUNE_EVERY = 8  # how often expired members of a list are looked for
PACE_MS = 7 * 24 * 60 * 60 * 1000
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


def script(name: str, *libraries: str, first: Sequence[str] = ()) -> Script:
    """Return a script of the `lua` folder, preceded by the constants above, the queue's functions and these libraries.

    The server runs a library's definitions at each call, so name only those that the script uses. What is `first` runs
    before them, and may return.
    """
    before = lua_constants(globals()) + "".join(map(_read, first))
    return Script(lua_source(before=before) + "".join(map(_read, (*libraries, name))))


def _read(name: str) -> str:
    return files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
