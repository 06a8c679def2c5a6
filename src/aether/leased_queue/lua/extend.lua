-- Heartbeat of a worker: extends its leases.
--
-- ARGV: queue, worker, lease_ms, watch_aborts, keep_payloads, job id that runs alone or '', then pairs of job id and token
-- Returns {job id, event, ...}; an event is 'lost', 'missing', 'aborted' or 'progressed'.
local queue, worker, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local watch_aborts, keep_payloads, alone = ARGV[4] == '1', ARGV[5] == '1', ARGV[6]
local events = {}

local function report(job_id, event)
  events[#events + 1] = job_id
  events[#events + 1] = event
end

local function keep_payload(job_id)
  local ttl = redis.call('PTTL', JOB .. job_id)
  if ttl >= 0 and ttl < KEEP_PAYLOAD_MS then
    redis.call('PEXPIRE', JOB .. job_id, KEEP_PAYLOAD_MS)
  end
  redis.call('PEXPIRE', CLAIM .. job_id, CLAIM_MS)
end

local function extend(job_id, token)
  local state = claim_state(queue, job_id, token)
  if state == 'lost' then revoke_death(queue, job_id, token) end
  if state ~= 'owned' then
    return report(job_id, state)
  end
  extend_lease(queue, job_id, token, lease_ms)
  if keep_payloads then
    keep_payload(job_id)
  end
  if watch_aborts and redis.call('ZSCORE', ABORT, job_id) then
    report(job_id, 'aborted')
  end
  if job_id == alone and not has_delivery_count(job_id) then
    report(job_id, 'progressed')
  end
end

for i = 7, #ARGV, 2 do
  extend(ARGV[i], ARGV[i + 1])
end
if watch_aborts then
  redis.call('ZREMRANGEBYSCORE', ABORT, '-inf', whole(now_ms() - ABORT_MS))
  redis.call('PEXPIRE', ABORT, ABORT_MS)
end
-- Expires before any lease that is extended or claimed from now on. If the server is out of memory, leases matter more.
redis.pcall('SET', WORKER_ALIVE .. worker, '1', 'PX', whole(lease_ms * 3 / 4))
return events
