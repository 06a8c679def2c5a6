-- Enqueueing and withdrawing. Other scripts may be put behind this source, so that they write a record and its queue
-- entry at once.

-- One token is enough: a worker that cannot claim all due jobs wakes the next one.
local function wake_worker(queue)
  local wakeup = queue .. WAKEUP_SUFFIX
  if redis.call('LPUSH', wakeup, '1') == 1 then
    redis.call('PEXPIRE', wakeup, WAKEUP_MS)
  else
    redis.call('LPOP', wakeup)
  end
end

-- Adds a job that is due. While others wait, either a token is there or a worker is about to claim: it wakes the next one.
local function add_due(queue, job_id, flow, first)
  redis.call('ZADD', queue, take_turn(queue, flow, first), job_id)
  if not is_turn(first) then wake_worker(queue) end
end

-- Enqueues a job whose id has never been used, with the first score in the queue. Unlike `enqueue`, it does not store the
-- flow, which has to be passed to `withdraw`.
local function enqueue_new(queue, job_id, payload, payload_ttl_ms, flow, first)
  redis.call('SET', JOB .. job_id, payload, 'PX', payload_ttl_ms)
  add_due(queue, job_id, flow, first)
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
  -- The tombstone stays: a holder whose queue is another one does not find the job in its own.
  if redis.call('EXISTS', TOMBSTONE .. job_id) == 1 then redis.call('HSET', claim, 'taken', '1') end
  redis.call('DEL', DEAD_LETTER .. job_id, RETRY .. job_id)
  redis.call('ZREM', ABORT, job_id)
  redis.call('PEXPIRE', claim, ttl_ms)
  if delay_ms > 0 then
    redis.call('ZADD', queue, whole(now_ms() + delay_ms), job_id)
    wake_worker(queue)
  else
    add_due(queue, job_id, flow, first_score(queue))
  end
  return true
end

-- Removes a job in any state; the next heartbeat of a worker that still runs it reports it as lost. `flow` is needed only
-- for jobs of `enqueue_new`. Returns whether the job was in the queue.
local function withdraw(queue, job_id, flow)
  local claim = redis.call('HMGET', CLAIM .. job_id, 'flow', 'token', 'taken')
  give_turn_back(queue, job_id, flow or claim[1])
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
