-- Commits a change of a job. Every change is made here, with all that depends on it: record, idempotency key, events,
-- times to live, index, inbox, webhook delivery and queue entry, all or nothing.
-- Needs index.lua, inbox.lua, deliveries.lua, and of the queue's own source now_ms, whole, enqueue, withdraw, depth and
-- reset_delivery_count.
--
-- ARGV: id, author, epoch, version, max jobs, owner, idempotency key, fingerprint, kinds, status, statuses that it may
--       follow, ttl in ms, queue, payload, max queue length, finished steps, ttl of the inbox in ms, payload of a
--       webhook delivery, n, n × (field, value) to set, m, m × (field, number) to add, events…
-- Authors: 'create': creates a job for this owner, under this idempotency key or '';
--          'run': the run that holds the epoch and has seen this version;
--          'begin': a new run, which gets a new epoch, and can run jobs of these kinds ('|a|b|', or '' for any);
--          'outside': takes the job from its run.
--          If 'create' or 'outside' queues a job, no more than max jobs of the owner may wait or run; '' for no limit.
-- Returns {'ok', version, epoch, listeners to the job's texts}, followed by the record for 'begin';
--         {'exists' or 'reused', the job that was created with the idempotency key}; {'too_many_jobs', max jobs, kind};
--         {'unsupported', kind, epoch}; or {'taken', 'full', 'gone', 'fenced' or 'illegal', status, epoch}.

-- Moving averages in ms: how long a job of this kind runs, and how soon the next one ends while others wait.
local function update_pace(record, queue, now)
  local job = redis.call('HMGET', record, 'kind', 'started_at')
  local key = PACE .. job[1]
  local pace = redis.call('HMGET', key, 'run', 'gap', 'last')
  local function update(field, mean, latest)
    redis.call('HSET', key, field, whole(mean and 0.8 * mean + 0.2 * latest or latest))
  end
  update('run', pace[1], now - (job[2] or now))
  if pace[3] and depth(queue) > 0 then update('gap', pace[2], now - pace[3]) end
  redis.call('HSET', key, 'last', whole(now))
  redis.call('PEXPIRE', key, PACE_MS)
end

-- Not the number that PUBLISH returns: that one counts the subscribers to changes.
local function listeners()
  return redis.call('PUBSUB', 'NUMSUB', TEXTS .. ARGV[1])[2]
end

-- The job that was created with an idempotency key: {job, fingerprint}, or nothing if that job is gone.
local function job_of_key(key)
  local existing = redis.call('HMGET', IDEMPOTENCY .. key, 'job', 'fingerprint')
  return existing[1] and redis.call('EXISTS', RECORD .. existing[1]) == 1 and existing
end

local id, author, own_epoch, seen, max_jobs, owner, key, fingerprint, kinds = unpack(ARGV, 1, 9)
local status, predecessors, ttl, queue, payload, max_length, done, inbox_ttl, delivery = unpack(ARGV, 10, 18)
local record, stream = RECORD .. id, EVENTS .. id
local stored = redis.call(
  'HMGET', record, 'status', 'epoch', 'version', 'finished', 'updated_at', 'kind', 'owner', 'once'
)
local old_status, epoch, version = stored[1], tonumber(stored[2] or 0), tonumber(stored[3] or 0)
local finished = tonumber(stored[4] or 0) + tonumber(done)
if old_status then owner, key = stored[7], stored[8] or '' end

if author == 'create' then
  if old_status then return {'taken', old_status, epoch} end
  local existing = key ~= '' and job_of_key(key)
  if existing then return {existing[2] == fingerprint and 'exists' or 'reused', existing[1]} end
  if depth(queue) >= tonumber(max_length) then return {'full', '', 0} end
elseif not old_status then
  return {'gone', '', 0}
elseif author == 'run' then
  own_epoch, seen = tonumber(own_epoch), tonumber(seen)
  local record_is_behind = epoch < own_epoch or (epoch == own_epoch and version < seen)
  if record_is_behind and (old_status == 'pending' or old_status == 'processing') then
    -- Redis lost acknowledged writes: the run knows of steps that the record does not have. Another run starts from the
    -- record.
    withdraw(queue, id)
    enqueue(queue, id, payload, ttl, 0, owner)
  end
  if record_is_behind or epoch ~= own_epoch then return {'fenced', old_status, epoch} end
  -- Only the holder of the epoch writes, so a later version means that this commit was applied and its answer was lost.
  if version > seen then return {'ok', version, epoch, listeners()} end
end
if old_status and status ~= '' and not string.find(predecessors, '|' .. old_status .. '|', 1, true) then
  return {'illegal', old_status, epoch}
end
if kinds ~= '' and not string.find(kinds, '|' .. stored[6] .. '|', 1, true) then
  return {'unsupported', stored[6], epoch}
end

local now, at = now_ms(), 19
ttl = tonumber(ttl)
if max_jobs ~= '' and has_max_jobs(owner, tonumber(max_jobs), now - ttl) then
  return {'too_many_jobs', max_jobs, stored[6] or ''}
end

-- How many fields one command takes: unpack puts all of them on Lua's stack.
local MAX_FIELDS = 500
local function apply_pairs(command, max_pairs)
  local last = at + 2 * tonumber(ARGV[at])
  for i = at + 1, last, 2 * max_pairs do
    redis.call(command, record, unpack(ARGV, i, math.min(last, i + 2 * max_pairs - 1)))
  end
  at = last + 1
end
apply_pairs('HSET', MAX_FIELDS)
apply_pairs('HINCRBY', 1)
for i = at, #ARGV do
  version = version + 1
  redis.call('XADD', stream, version .. '-0', 'event', ARGV[i])
end
-- An epoch is never below the clock, so an epoch that Redis issued and then lost is not issued to a second run.
if author ~= 'run' then epoch = math.max(epoch + 1, now) end
local facts = {
  'version', version, 'epoch', whole(epoch), 'finished', finished,
  'updated_at', whole(now), 'expires_at', whole(now + ttl)
}
local function fact(field, value)
  facts[#facts + 1], facts[#facts + 2] = field, value
end
if not old_status then fact('created_at', whole(now)) end
if status == 'pending' then fact('queued_at', whole(now)) end
if old_status == 'pending' and status == 'processing' then fact('started_at', whole(now)) end
if status ~= '' then fact('status', status) end
redis.call('HSET', record, unpack(facts))
if status == 'completed' then update_pace(record, queue, now) end
redis.call('PEXPIRE', record, ttl)
redis.call('PEXPIRE', stream, ttl)
if key ~= '' then
  if not old_status then redis.call('HSET', IDEMPOTENCY .. key, 'job', id, 'fingerprint', fingerprint) end
  redis.call('PEXPIRE', IDEMPOTENCY .. key, ttl)
end
-- While the status stays, the index's time to live is extended once per INDEX_SLACK_MS; it is longer by as much.
if status ~= '' or math.floor(now / INDEX_SLACK_MS) ~= math.floor(stored[5] / INDEX_SLACK_MS) then
  update_index(record, id, old_status, status ~= '' and status or old_status, ttl)
end
redis.call('PEXPIRE', FILES .. id, ttl)
if is_end(status) then
  notify(record, id, status, version, now, inbox_ttl)
  create_delivery(record, id, status, version, delivery, now)
end

if author == 'create' then
  enqueue(queue, id, payload, ttl, 0, owner)
elseif author == 'run' then
  -- Only finished steps count as progress: a step that starts may be the one that kills the worker.
  if tonumber(done) > 0 then reset_delivery_count(id) end
else
  redis.call('PUBLISH', FENCES, id .. ' ' .. whole(epoch))
end
if author == 'outside' then
  withdraw(queue, id)
  -- If a worker kept the result of the last run, the job could not be queued again.
  redis.call('DEL', RESULT .. id)
  if status == 'pending' then enqueue(queue, id, payload, ttl, 0, owner) end
end
redis.call('PUBLISH', CHANGES .. id, version)
if author == 'begin' then return {'ok', version, epoch, listeners(), redis.call('HGETALL', record)} end
return {'ok', version, epoch, listeners()}
