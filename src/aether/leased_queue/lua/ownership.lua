-- Ownership of a claim: the field `token` says who holds a job, and the key IN_PROGRESS is the lease. A lease that has
-- expired may be extended until another worker claims the job.

-- Returns 'owned'; 'lost', if another worker holds the job, or it waits, or was removed on purpose; or 'missing', if
-- Redis lost every trace of it. Also returns whether another worker held the job before.
local function claim_state(queue, job_id, token)
  local claim = redis.call('HMGET', CLAIM .. job_id, 'token', 'taken')
  local holder = claim[1]
  if holder == token then
    return 'owned', claim[2]
  end
  if holder or redis.call('EXISTS', TOMBSTONE .. job_id) == 1 or redis.call('ZSCORE', queue, job_id) then
    return 'lost'
  end
  return 'missing'
end

local function extend_lease(queue, job_id, token, lease_ms)
  if redis.call('PEXPIRE', IN_PROGRESS .. job_id, lease_ms) == 0 then
    redis.call('SET', IN_PROGRESS .. job_id, token, 'PX', lease_ms)
  end
  redis.call('ZADD', queue, whole(now_ms() + lease_ms), job_id)
end
