"""Every key of Aether's own in Redis, with its lifetime, and the scripts that use them."""

from importlib.resources import files

from aether.domain.job import Kind, Status
from aether.leased_queue.scripts import Script, lua_constants, lua_source

RECORD = "aether:job:"  # the record of a job: the time to live, from its last change
EVENTS = "aether:events:"  # its event stream: as long as the record
FILES = "aether:files:"  # hash: its files in pieces, as `RedisFiles` says: as long as the record
CHANGES = "aether:changed:"  # channel: the new version of the job
TEXTS = "aether:text:"  # channel: deltas as JSON
INDEX = "aether:index:"  # "<kind>:<status>:<owner>", sorted set of such jobs: INDEX_SLACK_MS longer than their records
INDEXES = "aether:indexes"  # set: "<kind>:<status>" of each index that was ever used, so few that it never runs out
ONCE = "aether:once:"  # hash: the job that stands for an idempotency key, and for what: as long as its record
PACE = "aether:pace:"  # how jobs of a kind have gone lately: PACE_MS from the last one that was completed
INBOX = "aether:inbox:"  # sorted set: an owner's notifications: the inbox's time to live, from the last one
UNREAD = "aether:unread:"  # those of them that are not acknowledged: as long
ARRIVALS = "aether:arrived:"  # channel: the id of the owner's newest notification
BUCKET = "aether:bucket:"  # "<tokens>:<µs from one to the next>:<owner>": when that bucket is full, in µs: until then
FENCES = "aether:fences"  # channel: "<job id> <epoch>" when a run has lost its job
ENDPOINT = "aether:webhook:"  # hash: an owner's default webhook: ENDPOINT_MS from when it was last of use
SECRETS = "aether:webhook-secrets:"  # sorted set: an owner's secrets by when they run out: as long
DELIVERY = "aether:delivery:"  # hash: DELIVERY_MS from its last try, or from the next one
DELIVERIES = "aether:deliveries:"  # "<status or all>:<owner>", sorted set of such deliveries: as the last of them
DELIVERIES_OF_JOB = "aether:deliveries-of:"  # sorted set of a job's deliveries: as the last of them
READ_TOKENS = "aether:tokens:"  # sorted set: a job's read tokens by when they end: as the last of them
ACCESS_KEYS = "aether:keys"  # hash: id → key as JSON, and `version`: configuration, so it never runs out
WEBHOOKS = "aether:webhooks"  # the queue of tries, as arq's own; an entry is "<delivery id>:<number of the try>"
DELIVER = "deliver"  # the function of its entries

KINDS = " ".join(Kind)
STATUSES = " ".join(Status)
INDEX_SLACK_MS = 60_000
PACE_MS = 7 * 24 * 60 * 60 * 1000
PIECE = 256 * 1024  # bytes of a file in one field of its hash
DELIVERY_MS = 7 * 24 * 60 * 60 * 1000
ENDPOINT_MS = 400 * 24 * 60 * 60 * 1000
SECRETS_KEPT = 5
READ_TOKENS_KEPT = 20
TRIES_KEPT = 50


def script(name: str, *libraries: str) -> Script:
    """Return a script of this folder behind the constants and these libraries, each of which the server pays for."""
    folder = files(__package__).joinpath("lua")
    sources = (folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in (*libraries, name))
    return Script(lua_source() + lua_constants(globals()) + "".join(sources))
