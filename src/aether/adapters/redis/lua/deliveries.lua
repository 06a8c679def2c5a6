-- Deliveries of webhooks: their records, their lists and their next tries. Stands behind index.lua, before the scripts
-- that use it.
--
-- The lists are like those of jobs: all of an owner's deliveries, those of one status, and those of one job.

local function deliveries_of(owner, status)
  return DELIVERIES .. status .. ':' .. owner
end

-- The queue's name for a try. A number of its own, so that the next can be queued while this one is still being made.
local function try_of(delivery, number)
  return delivery .. ':' .. whole(number)
end

-- Puts a delivery where it belongs now, to be kept for `life` ms; `was` is its status before, or false if it is new.
local function enlist_delivery(delivery, was, status, life)
  local facts = redis.call('HMGET', DELIVERY .. delivery, 'owner', 'job', 'created_at')
  local owner, position = facts[1], position_of(facts[3], delivery)
  if was then redis.call('ZREM', deliveries_of(owner, was), position) end
  for _, list in ipairs({deliveries_of(owner, 'all'), deliveries_of(owner, status), DELIVERIES_OF_JOB .. facts[2]}) do
    redis.call('ZADD', list, 0, position)
    prune(list, DELIVERY)
    prolong(list, life)
  end
  redis.call('HSET', DELIVERY .. delivery, 'expires_at', whole(now_ms() + life))
  redis.call('PEXPIRE', DELIVERY .. delivery, whole(life))
end

-- Who is to be told of a job's end: {url, events, '1' if the job itself named it}, or nothing.
local function receiver_of(record, owner)
  local own = redis.call('HMGET', record, 'webhook_url', 'webhook_events')
  if own[1] then return {own[1], own[2], '1'} end
  local endpoint = redis.call('HMGET', ENDPOINT .. owner, 'url', 'events', 'disabled_at')
  if not endpoint[1] or endpoint[3] then return nil end
  redis.call('PEXPIRE', ENDPOINT .. owner, ENDPOINT_MS)
  return {endpoint[1], endpoint[2], ''}
end

-- Makes the delivery of a job's end, if somebody is to be told of it, and queues its first try.
local function announce(record, id, status, version, payload, now)
  local job = redis.call('HMGET', record, 'kind', 'owner')
  local receiver = receiver_of(record, job[2])
  if not receiver or not string.find(receiver[2], '|' .. status .. '|', 1, true) then return end
  local delivery = id .. '-' .. whole(version)
  redis.call(
    'HSET', DELIVERY .. delivery, 'owner', job[2], 'job', id, 'kind', job[1], 'event', status, 'version', version,
    'url', receiver[1], 'own', receiver[3], 'status', 'pending', 'created_at', whole(now), 'next_at', whole(now),
    'tried', 0, 'begun', 0
  )
  enlist_delivery(delivery, false, 'pending', DELIVERY_MS)
  enqueue(WEBHOOKS, try_of(delivery, 1), payload, DELIVERY_MS, 0, job[2])
end

-- Deletes all deliveries of a job; a try that is being made is stopped.
local function forget_deliveries(id)
  for _, position in ipairs(redis.call('ZRANGE', DELIVERIES_OF_JOB .. id, 0, -1)) do
    local delivery = id_at(position)
    local facts = redis.call('HMGET', DELIVERY .. delivery, 'owner', 'status', 'tried')
    if facts[1] then
      -- The latest one may not have left the queue yet.
      for number = facts[3], facts[3] + 1 do withdraw(WEBHOOKS, try_of(delivery, number)) end
      redis.call('ZREM', deliveries_of(facts[1], 'all'), position)
      redis.call('ZREM', deliveries_of(facts[1], facts[2]), position)
      redis.call('DEL', DELIVERY .. delivery)
    end
  end
  redis.call('DEL', DELIVERIES_OF_JOB .. id)
end
