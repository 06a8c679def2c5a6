-- The producer's side. Meant to be prepended to other scripts, so that a record and its queue entry are written as one.

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

-- One token is enough: whoever is woken rings again if it cannot take all that is due.
local function ring(queue)
  local bell = queue .. BELL_SUFFIX
  if redis.call('EXISTS', bell) == 0 then
    redis.call('LPUSH', bell, '1')
    redis.call('PEXPIRE', bell, BELL_MS)
  end
end

-- Flows take turns; jobs without one share the flow ''. What is put off stands in line from when it is due.
-- Returns false, and changes nothing, if a job of this id exists or its result is still kept.
local function enqueue(queue, job_id, payload, payload_ttl_ms, delay_ms, flow)
  if redis.call('EXISTS', JOB .. job_id, RESULT .. job_id) > 0 then
    return false
  end
  delay_ms = tonumber(delay_ms)
  local life = whole(tonumber(payload_ttl_ms) + delay_ms)
  redis.call('SET', JOB .. job_id, payload, 'PX', life)
  local note = NOTE .. job_id
  if flow and flow ~= '' then redis.call('HSET', note, 'flow', flow) end
  -- What an earlier job of this id left behind must not count against this one; its holder may still believe in it.
  if redis.call('DEL', GONE .. job_id) == 1 then redis.call('HSET', note, 'taken', '1') end
  redis.call('DEL', CONDEMNED .. job_id, RETRY .. job_id)
  redis.call('ZREM', ABORT, job_id)
  redis.call('PEXPIRE', note, life)
  redis.call('ZADD', queue, delay_ms > 0 and whole(now_ms() + delay_ms) or take_turn(queue, flow), job_id)
  ring(queue)
  return true
end

-- Removes a job in any state; a worker that still runs it is told so by its next beat. Returns whether it was queued.
local function withdraw(queue, job_id)
  local note = redis.call('HMGET', NOTE .. job_id, 'flow', 'token', 'taken')
  give_turn_back(queue, job_id, note[1])
  local queued = redis.call('ZREM', queue, job_id) == 1
  if note[2] or note[3] then
    redis.call('SET', GONE .. job_id, '1', 'PX', GONE_MS)
  end
  redis.call('DEL', JOB .. job_id, IN_PROGRESS .. job_id, RETRY .. job_id, NOTE .. job_id, CONDEMNED .. job_id)
  redis.call('ZREM', ABORT, job_id)
  return queued
end

-- Jobs that are due and wait for a worker; running and deferred ones have their score in the future.
local function depth(queue)
  return redis.call('ZCOUNT', queue, '-inf', whole(now_ms()))
end

-- Progress: whatever killed this job's earlier workers, it was not the part that is done now.
local function vindicate(job_id)
  redis.call('HDEL', NOTE .. job_id, 'deaths', 'suspect', 'alone', 'lone_deaths')
end
