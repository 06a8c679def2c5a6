"""Keys of the queue in Redis, with their lifetimes; keys shared with arq have arq's names, so that its tools work."""

from arq.constants import abort_jobs_ss, in_progress_key_prefix, job_key_prefix, result_key_prefix, retry_key_prefix

from aether.leased_queue.key_names import Key

# Each upper-case name of this module is a constant in the Lua scripts as well.

JOB = Key(job_key_prefix)  # payload: the producer's lifetime, never less than KEEP_PAYLOAD_MS while the job runs
IN_PROGRESS = Key(in_progress_key_prefix)  # claim token: one lease
RETRY = Key(retry_key_prefix)  # number of attempts, as arq's own worker counts them, 88,400 s; ours are in CLAIM
RESULT = Key(result_key_prefix)  # keep_result of the worker
ABORT = Key(abort_jobs_ss)  # sorted set of abort requests by time: ABORT_MS after the last heartbeat that read it
CLAIM = Key("arq:claim:")  # hash, see below: as long as the payload, or CLAIM_MS from a claim
TOMBSTONE = Key("arq:gone:")  # the job was removed, but a former holder may still believe in its claim: TOMBSTONE_MS
DEAD_LETTER = Key("arq:condemned:")  # payload of a dead letter, kept for redrive: DEAD_LETTER_MS
FENCE = Key("arq:fence")  # counter for claim tokens, starts at the server's microseconds: FENCE_MS from a claim
WORKER_DEATHS = Key("arq:deaths:")  # "<queue>", sorted set of workers that died, by time: WORKER_DEATHS_MS
CONNECTIONS = Key("arq:connections:")  # "<queue>", hash of workers' connections: CONNECTIONS_MS from one
WORKER_ALIVE = Key("arq:alive:")  # a worker that sends heartbeats: three quarters of a lease from each heartbeat
TURNS = Key("arq:turns:")  # "<queue>:<flow>", sorted set: rounds in which jobs of the flow wait: TURNS_MS
ROUND = Key("arq:round:")  # "<queue>": the round that is being served: TURNS_MS from when a job was last claimed
DECLARED = Key("arq:scripts")  # the key that each script declares, for a cluster to find its slot; it does not exist
WAKEUP_SUFFIX = ":bell"  # list of at most one token that wakes an idle worker: WAKEUP_MS

# Fields of the hash CLAIM. The names of the quarantine fields are older than the terms of this package. They stay, as
# workers of two versions share the hash during a deployment. Only quarantine.lua reads and writes those fields.
#
#   token        claim token of the worker that holds the job
#   claimed      the job has been claimed before
#   taken        another worker held the job before, and may still believe in its claim
#   flow         the job's flow in the fair queue
#   attempts     how often the job was claimed, without claims that were released
#
#   deaths       delivery count: how many workers died while they held the job, since it last made progress
#   suspect      the job is quarantined
#   held         this delivery of a quarantined job waits until nothing else runs on its worker
#   alone        this delivery of a quarantined job runs alone
#   lone_deaths  how many workers died while the job ran alone
#   condemned    the job is to become a dead letter, and must not run again
#   presumed     claim token of the worker that was presumed dead last, because its connection was gone

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

KEEP_PAYLOAD_MS = 10 * MINUTE_MS
ABORT_MS = MINUTE_MS
CLAIM_MS = 2 * DAY_MS
TOMBSTONE_MS = HOUR_MS
DEAD_LETTER_MS = 7 * DAY_MS
FENCE_MS = 7 * DAY_MS
WAKEUP_MS = HOUR_MS
WORKER_DEATHS_MS = MINUTE_MS
CONNECTIONS_MS = 5 * MINUTE_MS
TURNS_MS = 2 * DAY_MS
PAYLOAD_MS = DAY_MS

FIRST_TIMESTAMP = 100_000_000_000  # ms, in 1973: scores below are rounds, scores from here on are times
TURNS_KEPT = 16  # every so many rounds, a flow's turns before the served one are forgotten
PLACES_PER_ROUND = 65_536  # a power of two, so that scores are exact; further jobs go on in the next round
DUE_LIMIT = 100  # how many jobs with a time that has passed one claim looks at

DELIVERY_LIMIT = 2  # delivery count of a quarantined job: the first death was most likely not the job's doing
LENIENT_DELIVERY_LIMIT = 5  # the same while most workers die without the job
BACKOFF_MS = 1_000  # doubled with every further death
MAX_BACKOFF_MS = 10_000
