-- ARGV: queue, worker, lease_ms, watch_aborts, refresh, lone job id or '', then pairs of job id and token
-- Returns {job id, finding, ...} with only those that are 'lost', 'missing', 'aborted' or 'vindicated'.
local queue, worker, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local watch_aborts, refresh, lone = ARGV[4] == '1', ARGV[5] == '1', ARGV[6]
local findings = {}

local function report(job_id, finding)
  findings[#findings + 1] = job_id
  findings[#findings + 1] = finding
end

local function keep_payload(job_id)
  local ttl = redis.call('PTTL', JOB .. job_id)
  if ttl >= 0 and ttl < KEEP_PAYLOAD_MS then
    redis.call('PEXPIRE', JOB .. job_id, KEEP_PAYLOAD_MS)
  end
  redis.call('PEXPIRE', NOTE .. job_id, NOTE_MS)
end

local function renew(job_id, token)
  local state = ownership(queue, job_id, token)
  if state ~= 'mine' then
    return report(job_id, state)
  end
  hold(queue, job_id, token, lease_ms)
  if refresh then
    keep_payload(job_id)
  end
  if watch_aborts and redis.call('ZSCORE', ABORT, job_id) then
    report(job_id, 'aborted')
  end
  if job_id == lone and redis.call('HEXISTS', NOTE .. job_id, 'deaths') == 0 then
    report(job_id, 'vindicated')
  end
end

for i = 7, #ARGV, 2 do
  renew(ARGV[i], ARGV[i + 1])
end
if watch_aborts then
  redis.call('ZREMRANGEBYSCORE', ABORT, '-inf', whole(now_ms() - ABORT_MS))
  redis.call('PEXPIRE', ABORT, ABORT_MS)
end
-- Ends before any lease that is renewed or claimed from now on; leases matter more to a server that is out of memory.
redis.pcall('SET', ALIVE .. worker, '1', 'PX', whole(lease_ms * 3 / 4))
return findings
