-- Enqueueing and withdrawing. Other scripts may be put behind this source, so that they write a record and its queue
-- entry at once.

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

-- One token is enough: a worker that cannot claim all due jobs wakes the next one.
local function wake_worker(queue)
  local wakeup = queue .. WAKEUP_SUFFIX
  if redis.call('EXISTS', wakeup) == 0 then
    redis.call('LPUSH', wakeup, '1')
    redis.call('PEXPIRE', wakeup, WAKEUP_MS)
  end
end

-- Flows take turns; jobs without a flow share the flow ''. A deferred job gets its turn when it is due.
-- Returns false, and changes nothing, if a job of this id exists or its result is still kept.
local function enqueue(queue, job_id, payload, payload_ttl_ms, delay_ms, flow)
  if redis.call('EXISTS', JOB .. job_id, RESULT .. job_id) > 0 then
    return false
  end
  delay_ms = tonumber(delay_ms)
  local ttl_ms = whole(tonumber(payload_ttl_ms) + delay_ms)
  redis.call('SET', JOB .. job_id, payload, 'PX', ttl_ms)
  local claim = CLAIM .. job_id
  if flow and flow ~= '' then redis.call('HSET', claim, 'flow', flow) end
  -- An earlier job of this id does not count against this one, but its holder may still believe in its claim.
  if redis.call('DEL', TOMBSTONE .. job_id) == 1 then redis.call('HSET', claim, 'taken', '1') end
  redis.call('DEL', DEAD_LETTER .. job_id, RETRY .. job_id)
  redis.call('ZREM', ABORT, job_id)
  redis.call('PEXPIRE', claim, ttl_ms)
  redis.call('ZADD', queue, delay_ms > 0 and whole(now_ms() + delay_ms) or take_turn(queue, flow), job_id)
  wake_worker(queue)
  return true
end

-- Removes a job in any state; the next heartbeat of a worker that still runs it reports it as lost. Returns whether the
-- job was in the queue.
local function withdraw(queue, job_id)
  local claim = redis.call('HMGET', CLAIM .. job_id, 'flow', 'token', 'taken')
  give_turn_back(queue, job_id, claim[1])
  local was_queued = redis.call('ZREM', queue, job_id) == 1
  if claim[2] or claim[3] then
    redis.call('SET', TOMBSTONE .. job_id, '1', 'PX', TOMBSTONE_MS)
  end
  redis.call('DEL', JOB .. job_id, IN_PROGRESS .. job_id, RETRY .. job_id, CLAIM .. job_id, DEAD_LETTER .. job_id)
  redis.call('ZREM', ABORT, job_id)
  return was_queued
end

-- Counts the jobs that are due and wait for a worker. The scores of running and deferred jobs are in the future.
local function depth(queue)
  return redis.call('ZCOUNT', queue, '-inf', whole(now_ms()))
end
