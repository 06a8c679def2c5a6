"""Every key of the queue, with its lifetime; names shared with arq are arq's own, so its producers and tools work."""

from arq.constants import abort_jobs_ss, in_progress_key_prefix, job_key_prefix, result_key_prefix, retry_key_prefix

JOB = job_key_prefix  # payload: the producer's lifetime, never less than KEEP_PAYLOAD_MS while the job runs
IN_PROGRESS = in_progress_key_prefix  # claim token: one lease
RETRY = retry_key_prefix  # tries so far: 88,400 s from each try
RESULT = result_key_prefix  # keep_result of the worker
ABORT = abort_jobs_ss  # sorted set of abort requests by time: ABORT_MS after the last beat that saw it
# hash: flow, claimed, token of the holder, deaths, suspect, lone_deaths, alone, held, condemned, taken: as long as the
# payload, or NOTE_MS from a claim
NOTE = "arq:claim:"
GONE = "arq:gone:"  # a job was removed although a former holder may still believe in it: GONE_MS
CONDEMNED = "arq:condemned:"  # payload of a condemned job, kept for redrive: CONDEMNED_MS
FENCE = "arq:fence"  # counter behind the claim tokens, begins at the server's microseconds: FENCE_MS from a claim
DEATHS = "arq:deaths:"  # sorted set of a queue's workers that died lately, by time: DEATHS_MS from the last one
ALIVE = "arq:alive:"  # a worker whose heart beats: three quarters of a lease from each beat
TURNS = "arq:turns:"  # "<queue>:<flow>", sorted set: the rounds in which jobs of the flow wait: TURNS_MS from the last
ROUND = "arq:round:"  # "<queue>": the round that is being served: TURNS_MS from when a job was last taken
BELL_SUFFIX = ":bell"  # list of at most one token that wakes a sleeping worker: BELL_MS

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

KEEP_PAYLOAD_MS = 10 * MINUTE_MS
ABORT_MS = MINUTE_MS
NOTE_MS = 2 * DAY_MS
GONE_MS = HOUR_MS
CONDEMNED_MS = 7 * DAY_MS
FENCE_MS = 7 * DAY_MS
BELL_MS = HOUR_MS
DEATHS_MS = MINUTE_MS
TURNS_MS = 2 * DAY_MS
PAYLOAD_MS = DAY_MS

CLOCK = 100_000_000_000  # ms, in 1973: no time that a job waits for is before, no round comes so far
PLACES = 65_536  # in a round: a power of two, so that turns are exact; more jobs go on in the next
DUE_AT_ONCE = 100  # how many that are due by the clock one claim looks at

SUSPECT_DEATHS = 2  # the first death costs nothing: the job was most likely only a bystander
BACKOFF_MS = 1_000  # doubled with every further death
MAX_BACKOFF_MS = 10_000
CLEAR_DEATHS = 5  # as many make a suspect whatever else kills workers
