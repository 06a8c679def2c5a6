-- What a claim is worth: 'mine', 'lost' (someone else has the job, or it is waiting, or was removed on purpose), or
-- 'missing' (Redis lost every trace of it).
local function ownership(queue, job_id, token)
  local holder = redis.call('HGET', NOTE .. job_id, 'token')
  if holder == token then
    return 'mine'
  end
  if holder or redis.call('EXISTS', GONE .. job_id) == 1 or redis.call('ZSCORE', queue, job_id) then
    return 'lost'
  end
  return 'missing'
end

-- The note is the ownership, the in-progress key its lease: a lease that ran out may be renewed until someone takes the job.
local function hold(queue, job_id, token, lease_ms)
  if redis.call('PEXPIRE', IN_PROGRESS .. job_id, lease_ms) == 0 then
    redis.call('SET', IN_PROGRESS .. job_id, token, 'PX', lease_ms)
  end
  redis.call('ZADD', queue, whole(now_ms() + lease_ms), job_id)
end
