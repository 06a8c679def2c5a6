-- Commits a change of a job. Every change is made here, with all that depends on it: record, idempotency key, events,
-- times to live, index, inbox, webhook delivery and queue entry, all or nothing.
-- Needs index.lua, inbox.lua, deliveries.lua, former_queue.lua, and of the queue's own source now_ms, whole, enqueue,
-- enqueue_new, first_score, depth and reset_delivery_count.
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

-- The fields of the record that a change may depend on. Missing ones are nil.
local FIELDS = {
  'status', 'epoch', 'version', 'finished', 'updated_at', 'kind', 'owner', 'once', 'created_at', 'started_at',
  'notified', 'webhook_url', 'webhook_events', 'progressed', 'files', 'problem',
}

-- Reads these fields, and the first of each pair in ARGV from `at` to `last`.
local function read_job(record, at, last)
  local names, job = {unpack(FIELDS)}, {}
  for i = at, last, 2 do names[#names + 1] = ARGV[i] end
  for i, value in ipairs(redis.call('HMGET', record, unpack(names))) do job[names[i]] = value or nil end
  return job
end

-- Moving averages in ms: how long a job of this kind runs, and how soon the next one ends while others wait.
local function update_pace(job, queue, now)
  local key = PACE .. job.kind
  local pace = redis.call('HMGET', key, 'run', 'gap', 'last')
  local fields = {'last', whole(now)}
  local function update(field, mean, latest)
    fields[#fields + 1], fields[#fields + 2] = field, whole(mean and 0.8 * mean + 0.2 * latest or latest)
  end
  update('run', pace[1], now - (job.started_at or now))
  if pace[3] and depth(queue) > 0 then update('gap', pace[2], now - pace[3]) end
  redis.call('HSET', key, unpack(fields))
  if is_first_in(HOUR_MS, pace[3], now) then redis.call('PEXPIRE', key, PACE_MS) end
end

-- Tells whoever watches the job. Returns the listeners to its texts: there are none without watchers.
local function announce(id, version)
  if redis.call('PUBLISH', CHANGES .. id, version) == 0 then return 0 end
  return redis.call('PUBSUB', 'NUMSUB', TEXTS .. id)[2]
end

-- The job that was created with an idempotency key: {job, fingerprint}, or nothing if that job is gone.
local function job_of_key(key)
  local existing = redis.call('HMGET', IDEMPOTENCY .. key, 'job', 'fingerprint')
  return existing[1] and redis.call('EXISTS', RECORD .. existing[1]) == 1 and existing
end

local id, author, own_epoch, seen, max_jobs, owner, key, fingerprint, kinds = unpack(ARGV, 1, 9)
local status, predecessors, ttl, queue, payload, max_length, done, inbox_ttl, delivery = unpack(ARGV, 10, 18)
local record = RECORD .. id
local last_field = 19 + 2 * tonumber(ARGV[19])
local first_counter = last_field + 2
local last_counter = first_counter - 1 + 2 * tonumber(ARGV[first_counter - 1])
local job = read_job(record, first_counter, last_counter)
local old_status, epoch, version = job.status, tonumber(job.epoch or 0), tonumber(job.version or 0)
local now, first = now_ms(), nil

if author == 'create' then
  if old_status then return {'taken', old_status, epoch} end
  local existing = key ~= '' and job_of_key(key)
  if existing then return {existing[2] == fingerprint and 'exists' or 'reused', existing[1]} end
  first = first_score(queue)
  local others_wait = first and tonumber(first) <= now
  if others_wait and depth(queue) >= tonumber(max_length) then return {'full', '', 0} end
elseif not old_status then
  return {'gone', '', 0}
else
  owner, key = job.owner, job.once or ''
end
if author == 'run' then
  own_epoch, seen = tonumber(own_epoch), tonumber(seen)
  local record_is_behind = epoch < own_epoch or (epoch == own_epoch and version < seen)
  if record_is_behind and (old_status == 'pending' or old_status == 'processing') then
    -- Redis lost acknowledged writes: the run knows of steps that the record does not have. Another run starts from the
    -- record.
    withdraw_everywhere(queue, id, owner)
    enqueue(queue, id, payload, ttl, 0, owner)
  end
  if record_is_behind or epoch ~= own_epoch then return {'fenced', old_status, epoch} end
  -- Only the holder of the epoch writes, so a later version means that this commit was applied and its answer was lost.
  if version > seen then return {'ok', version, epoch, announce(id, version)} end
end
if old_status and status ~= '' and not string.find(predecessors, '|' .. old_status .. '|', 1, true) then
  return {'illegal', old_status, epoch}
end
if kinds ~= '' and not string.find(kinds, '|' .. job.kind .. '|', 1, true) then
  return {'unsupported', job.kind, epoch}
end
ttl = tonumber(ttl)
if max_jobs ~= '' and has_max_jobs(owner, tonumber(max_jobs), now - ttl) then
  return {'too_many_jobs', max_jobs, job.kind or ''}
end

-- What the change sets, as alternating names and values; `job` has the new values of FIELDS.
local changes = {}
local function set(field, value)
  changes[#changes + 1], changes[#changes + 2] = field, value
  job[field] = value
end
for i = 20, last_field, 2 do
  -- Few jobs have a problem that a new status clears.
  if ARGV[i] ~= 'problem' or job.problem or ARGV[i + 1] ~= 'null' then set(ARGV[i], ARGV[i + 1]) end
end
for i = first_counter, last_counter, 2 do
  set(ARGV[i], whole(tonumber(job[ARGV[i]] or 0) + tonumber(ARGV[i + 1])))
end
local events = #ARGV - last_counter
version = version + events
-- An epoch is never below the clock, so an epoch that Redis issued and then lost is not issued to a second run.
if author ~= 'run' then epoch = math.max(epoch + 1, now) end
-- While a job runs, the times to live of its record and of what belongs to it are extended in each minute only; they are
-- longer by as much.
local is_extended = status ~= '' or is_first_in(SLACK_MS, job.updated_at, now)
set('version', version)
set('epoch', whole(epoch))
set('finished', tonumber(job.finished or 0) + tonumber(done))
set('updated_at', whole(now))
set('expires_at', whole(now + ttl))
if not old_status then set('created_at', whole(now)) end
if status == 'pending' then set('queued_at', whole(now)) end
if old_status == 'pending' and status == 'processing' then set('started_at', whole(now)) end
if status ~= '' then set('status', status) end
if is_end(status) then set('notified', (job.notified or '') .. ' ' .. notify(job, id, status, version, inbox_ttl)) end
-- Of a new job there is none: every job begins with the same event.
if old_status then set(EVENT_FIELD .. whole(version), '[' .. table.concat(ARGV, ',', last_counter + 1) .. ']') end
-- Only finished steps count as progress: a step that starts may be the one that kills the worker. Workers die between
-- runs, so the first progress of a run is enough.
if author == 'begin' and job.progressed == '1' then set('progressed', '') end
local is_progress = author == 'run' and tonumber(done) > 0 and job.progressed ~= '1'
if is_progress then set('progressed', '1') end

-- How many values one command takes: unpack puts all of them on Lua's stack.
local MAX_VALUES = 1000
for i = 1, #changes, MAX_VALUES do
  redis.call('HSET', record, unpack(changes, i, math.min(#changes, i + MAX_VALUES - 1)))
end
if key ~= '' and not old_status then redis.call('HSET', IDEMPOTENCY .. key, 'job', id, 'fingerprint', fingerprint) end
if is_extended then
  local life = ttl + (job.status == 'processing' and SLACK_MS or 0)
  redis.call('PEXPIRE', record, life)
  if key ~= '' then redis.call('PEXPIRE', IDEMPOTENCY .. key, life) end
  if job.files then redis.call('PEXPIRE', FILES .. id, life + SLACK_MS) end
end
if is_extended then update_index(job, id, old_status, job.status, ttl) end
if status == 'completed' then update_pace(job, queue, now) end
if is_end(status) then create_delivery(job, id, status, version, delivery, now) end

if author == 'create' then
  enqueue_new(queue, id, payload, ttl, owner, first)
  return {'ok', version, epoch, 0}
end
if is_progress then reset_delivery_count(id) end
if author == 'outside' or (author == 'begin' and old_status == 'processing') then
  redis.call('PUBLISH', FENCES, id .. ' ' .. whole(epoch))
end
if author == 'outside' then
  withdraw_everywhere(queue, id, owner)
  -- If a worker kept the result of the last run, the job could not be queued again.
  redis.call('DEL', RESULT .. id)
  if status == 'pending' then enqueue(queue, id, payload, ttl, 0, owner) end
end
local listeners = announce(id, version)
if author == 'begin' then return {'ok', version, epoch, listeners, redis.call('HGETALL', record)} end
return {'ok', version, epoch, listeners}
