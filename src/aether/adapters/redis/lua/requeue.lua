-- Finds jobs that wait or run by their records but have no place in the queue, or one without a payload, and no lease.
-- No other script leaves a job so: Redis lost a part of its data. ARGV: queue, payload of the queue entries or '' to only
-- find them, ttl in ms of a payload whose record has none, ids…
-- Returns for each such job its id and how often it has been queued again, including this time.
local queue, payload = ARGV[1], ARGV[2]

local function is_lost(id, status)
  if status ~= 'pending' and status ~= 'processing' then return false end
  if redis.call('EXISTS', IN_PROGRESS .. id) == 1 then return false end
  if redis.call('ZSCORE', FORMER_QUEUE, id) then return false end
  return redis.call('EXISTS', JOB .. id) == 0 or not redis.call('ZSCORE', queue, id)
end

local function requeue(id, owner)
  local ttl = redis.call('PTTL', RECORD .. id)
  -- Removes what is left of it. A run that believes it still has the job is told by its next heartbeat that it has not.
  withdraw(queue, id, owner)
  redis.call('DEL', RESULT .. id)
  enqueue(queue, id, payload, ttl > 0 and ttl or ARGV[3], 0, owner)
  redis.call('HINCRBY', RECORD .. id, 'requeued', 1)
end

local lost = {}
for i = 4, #ARGV do
  local id = ARGV[i]
  local job = redis.call('HMGET', RECORD .. id, 'status', 'owner', 'requeued')
  if is_lost(id, job[1]) then
    local times = tonumber(job[3] or 0)
    if payload ~= '' then
      requeue(id, job[2])
      times = times + 1
    end
    lost[#lost + 1] = id
    lost[#lost + 1] = times
  end
end
return lost
