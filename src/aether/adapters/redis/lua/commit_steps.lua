-- Commits a change of a job. Every change is made here, with all that depends on it: record, idempotency key, events,
-- times to live, index, inbox, webhook delivery and queue entry, all or nothing.
-- This is the first half, which alone commits what a run has done of its steps: it needs none of the functions that the
-- second half, commit.lua, defines. It needs clock.lua and progress.lua.
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

-- Tells whoever watches the job. Returns the listeners to its texts: there are none without watchers.
local function announce(id, version)
  if redis.call('PUBLISH', CHANGES .. id, version) == 0 then return 0 end
  return redis.call('PUBSUB', 'NUMSUB', TEXTS .. id)[2]
end

local id, author, own_epoch, seen, max_jobs, owner, key, fingerprint, kinds = unpack(ARGV, 1, 9)
local status, predecessors, ttl, queue, payload, max_length, done, inbox_ttl, delivery = unpack(ARGV, 10, 18)
local record = RECORD .. id
local last_field = 19 + 2 * tonumber(ARGV[19])
local first_counter = last_field + 2
local last_counter = first_counter - 1 + 2 * tonumber(ARGV[first_counter - 1])
local job = read_job(record, first_counter, last_counter)
local old_status, epoch, version = job.status, tonumber(job.epoch or 0), tonumber(job.version or 0)
own_epoch, seen, ttl = tonumber(own_epoch), tonumber(seen), tonumber(ttl)
local now = now_ms()
-- Only finished steps count as progress: a step that starts may be the one that kills the worker. Workers die between
-- runs, so the first progress of a run is enough.
local is_progress = author == 'run' and tonumber(done) > 0 and job.progressed ~= '1'
-- While a job runs, the times to live of its record and of what belongs to it are extended in each minute only; they are
-- longer by as much.
local is_extended = status ~= '' or is_first_in(SLACK_MS, job.updated_at, now)

-- What the change sets, as alternating names and values; `job` has the new values of FIELDS.
local changes = {}
local function set(field, value)
  changes[#changes + 1], changes[#changes + 2] = field, value
  job[field] = value
end

-- Sets what each change sets.
local function set_change()
  for i = 20, last_field, 2 do
    -- Few jobs have a problem that a new status clears.
    if ARGV[i] ~= 'problem' or job.problem or ARGV[i + 1] ~= 'null' then set(ARGV[i], ARGV[i + 1]) end
  end
  for i = first_counter, last_counter, 2 do
    set(ARGV[i], whole(tonumber(job[ARGV[i]] or 0) + tonumber(ARGV[i + 1])))
  end
  local events = #ARGV - last_counter
  version = version + events
  set('version', version)
  set('epoch', whole(epoch))
  set('finished', tonumber(job.finished or 0) + tonumber(done))
  set('updated_at', whole(now))
  set('expires_at', whole(now + ttl))
  if is_progress then set('progressed', '1') end
  -- Of a new job there is none: every job begins with the same event.
  if old_status then set(EVENT_FIELD .. whole(version), '[' .. table.concat(ARGV, ',', last_counter + 1) .. ']') end
end

-- How many values one command takes: unpack puts all of them on Lua's stack.
local MAX_VALUES = 1000
local function write_changes()
  for i = 1, #changes, MAX_VALUES do
    redis.call('HSET', record, unpack(changes, i, math.min(#changes, i + MAX_VALUES - 1)))
  end
end

if author == 'run' and epoch == own_epoch and version == seen and not is_extended then
  set_change()
  write_changes()
  if is_progress then reset_delivery_count(id) end
  return {'ok', version, epoch, announce(id, version)}
end
