-- Library: webhook deliveries, their lists and their next attempts. Needs index.lua.
--
-- As jobs, deliveries are listed in sorted sets of sort keys: all of an owner, those of one status, and those of a job.

local function deliveries_key(owner, status)
  return DELIVERIES .. status .. ':' .. owner
end

-- The id of an attempt's queue entry. It includes the number, so that the next attempt can be queued while one is made.
local function attempt_id(delivery, number)
  return delivery .. ':' .. whole(number)
end

-- Lists a delivery by its new status, and keeps it for `life` ms; `old_status` is false for a new one.
local function update_delivery_lists(delivery, old_status, status, life)
  local facts = redis.call('HMGET', DELIVERY .. delivery, 'owner', 'job', 'created_at')
  local owner, key = facts[1], sort_key(facts[3], delivery)
  if old_status then redis.call('ZREM', deliveries_key(owner, old_status), key) end
  local lists = {deliveries_key(owner, 'all'), deliveries_key(owner, status), DELIVERIES_OF_JOB .. facts[2]}
  for _, list in ipairs(lists) do
    redis.call('ZADD', list, 0, key)
    prune(list, DELIVERY, delivery)
    extend_ttl(list, life)
  end
  redis.call('HSET', DELIVERY .. delivery, 'expires_at', whole(now_ms() + life))
  redis.call('PEXPIRE', DELIVERY .. delivery, whole(life))
end

-- The webhook that a job's end is delivered to: {url, events, '1' if it is the job's own}, or nil if there is none.
local function webhook_of(job)
  if job.webhook_url then return {job.webhook_url, job.webhook_events, '1'} end
  local endpoint = redis.call('HMGET', ENDPOINT .. job.owner, 'url', 'events', 'disabled_at')
  if not endpoint[1] or endpoint[3] then return nil end
  redis.call('PEXPIRE', ENDPOINT .. job.owner, ENDPOINT_MS)
  return {endpoint[1], endpoint[2], ''}
end

-- Creates the delivery of a job's end, if a webhook wants it, and queues the first attempt.
local function create_delivery(job, id, status, version, payload, now)
  local webhook = webhook_of(job)
  if not webhook or not string.find(webhook[2], '|' .. status .. '|', 1, true) then return end
  local delivery = id .. '-' .. whole(version)
  redis.call(
    'HSET', DELIVERY .. delivery, 'owner', job.owner, 'job', id, 'kind', job.kind, 'event', status, 'version', version,
    'url', webhook[1], 'own', webhook[3], 'status', 'pending', 'created_at', whole(now), 'next_at', whole(now),
    'tried', 0, 'begun', 0
  )
  update_delivery_lists(delivery, false, 'pending', DELIVERY_MS)
  enqueue(WEBHOOKS, attempt_id(delivery, 1), payload, DELIVERY_MS, 0, job.owner)
end

-- Deletes all deliveries of a job; an attempt that is being made is stopped.
local function delete_deliveries(id)
  for _, key in ipairs(redis.call('ZRANGE', DELIVERIES_OF_JOB .. id, 0, -1)) do
    local delivery = id_of(key)
    local facts = redis.call('HMGET', DELIVERY .. delivery, 'owner', 'status', 'tried')
    if facts[1] then
      -- The latest attempt may still be in the queue.
      for number = facts[3], facts[3] + 1 do withdraw(WEBHOOKS, attempt_id(delivery, number)) end
      redis.call('ZREM', deliveries_key(facts[1], 'all'), key)
      redis.call('ZREM', deliveries_key(facts[1], facts[2]), key)
      redis.call('DEL', DELIVERY .. delivery)
    end
  end
  redis.call('DEL', DELIVERIES_OF_JOB .. id)
end
