-- Quarantine of poison jobs. A job whose worker died is delivered again at once; from the delivery limit on it is
-- quarantined: it waits longer after each death, and runs alone on its worker. If a worker dies even then, the job
-- becomes a dead letter. While other workers die as well, more deaths are allowed. Progress resets the delivery count.
--
-- A run mode is 'normal', 'alone', 'wait' (runs alone as soon as its worker has nothing else to run) or 'dead_letter'.
-- keys.py says what each stored field means.

local function read_claim(job_id)
  local fields = redis.call(
    'HMGET', CLAIM .. job_id, 'token', 'claimed', 'flow', 'suspect', 'alone', 'held', 'condemned', 'presumed',
    'attempts'
  )
  return {
    token = fields[1], was_claimed = fields[2], flow = fields[3], is_quarantined = fields[4], ran_alone = fields[5],
    waited = fields[6], is_dead_letter = fields[7],
    presumed = fields[8], attempts = tonumber(fields[9] or 0),
  }
end

local function worker_of(token)
  return string.match(token, ':(.*)') or token
end

-- Records that the holder of a job has died. Returns the job's delivery count, and how many other workers of this queue
-- died lately. Other queues do not count: a process may have a worker for each of several queues, and dies once.
local function count_death(queue, job_id, claim, now)
  local deliveries = redis.call('HINCRBY', CLAIM .. job_id, 'deaths', 1)
  local deaths = WORKER_DEATHS .. queue
  redis.call('ZREMRANGEBYSCORE', deaths, '-inf', now - WORKER_DEATHS_MS)
  redis.call('ZADD', deaths, now, worker_of(claim.token))
  redis.call('PEXPIRE', deaths, WORKER_DEATHS_MS)
  return deliveries, redis.call('ZCARD', deaths) - deliveries
end

-- The connection of the holder is gone: it is taken for dead before its lease has expired.
local function presume_death(job_id, token)
  redis.call('HSET', CLAIM .. job_id, 'presumed', token)
end

local function is_presumed_dead(claim)
  return claim.token and claim.token == claim.presumed
end

local function is_suspect(claim)
  return claim.is_quarantined or claim.ran_alone
end

-- The holder of this token is alive. If it was presumed dead, its death does not count any more.
local function revoke_death(queue, job_id, token)
  if redis.call('HGET', CLAIM .. job_id, 'presumed') ~= token then return end
  redis.call('HDEL', CLAIM .. job_id, 'presumed')
  redis.call('ZREM', WORKER_DEATHS .. queue, worker_of(token))
  local deliveries = tonumber(redis.call('HGET', CLAIM .. job_id, 'deaths') or 0) - 1
  if deliveries < 0 then return end
  if deliveries == 0 then
    redis.call('HDEL', CLAIM .. job_id, 'deaths')
  else
    redis.call('HSET', CLAIM .. job_id, 'deaths', whole(deliveries))
  end
  if deliveries < DELIVERY_LIMIT then redis.call('HDEL', CLAIM .. job_id, 'suspect', 'alone') end
end

-- A delivery ends, and its worker is alive or has been counted as dead.
local function end_delivery(job_id)
  redis.call('HDEL', CLAIM .. job_id, 'token', 'alone', 'held')
end

-- Decides about a job whose lease has expired. Returns nothing if it may be claimed now, or else the backoff in ms.
local function backoff_after_expiry(queue, job_id, claim, now)
  if claim.waited or claim.is_dead_letter then return end
  -- A holder that is alive did not die of the job: it lost the claim when Redis lost what it had acknowledged.
  if redis.call('EXISTS', WORKER_ALIVE .. worker_of(claim.token)) == 1 then return end
  local deliveries, other_deaths = count_death(queue, job_id, claim, now)
  if claim.ran_alone and redis.call('HINCRBY', CLAIM .. job_id, 'lone_deaths', 1) > math.max(other_deaths, 0) then
    redis.call('HSET', CLAIM .. job_id, 'condemned', '1')
    claim.is_dead_letter = '1'
    return
  end
  -- Where most workers died without the job, a few deaths with it say little.
  local limit = deliveries < other_deaths and LENIENT_DELIVERY_LIMIT or DELIVERY_LIMIT
  if deliveries < limit and not claim.is_quarantined then return end
  redis.call('HSET', CLAIM .. job_id, 'suspect', '1')
  end_delivery(job_id)
  return math.min(BACKOFF_MS * 2 ^ (deliveries - DELIVERY_LIMIT), MAX_BACKOFF_MS)
end

-- Begins a delivery to a worker that has nothing else to run, or has. Returns the run mode.
local function begin_delivery(job_id, claim, is_idle)
  if claim.ran_alone or claim.waited then redis.call('HDEL', CLAIM .. job_id, 'alone', 'held') end
  if claim.is_dead_letter then return 'dead_letter' end
  if not claim.is_quarantined then return 'normal' end
  redis.call('HSET', CLAIM .. job_id, is_idle and 'alone' or 'held', '1')
  return is_idle and 'alone' or 'wait'
end

local function is_exclusive(run_mode)
  return run_mode == 'alone' or run_mode == 'wait'
end

-- The worker of a job that waited has nothing else to run any more.
local function begin_alone(job_id)
  redis.call('HDEL', CLAIM .. job_id, 'held')
  redis.call('HSET', CLAIM .. job_id, 'alone', '1')
end

local function keep_dead_letter(job_id)
  local payload = redis.call('GET', JOB .. job_id)
  if payload then redis.call('SET', DEAD_LETTER .. job_id, payload, 'PX', DEAD_LETTER_MS) end
end

local function has_delivery_count(job_id)
  return redis.call('HEXISTS', CLAIM .. job_id, 'deaths') == 1
end
