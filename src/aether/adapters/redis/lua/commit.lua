-- Commits any other change than one of steps. Needs commit_steps.lua, its first half, which describes arguments and answers;
-- index.lua, inbox.lua, deliveries.lua, former_queue.lua; and of the queue's own source now_ms, whole, enqueue, enqueue_new,
-- first_score, depth and reset_delivery_count.

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

-- The job that was created with an idempotency key: {job, fingerprint}, or nothing if that job is gone.
local function job_of_key(key)
  local existing = redis.call('HMGET', IDEMPOTENCY .. key, 'job', 'fingerprint')
  return existing[1] and redis.call('EXISTS', RECORD .. existing[1]) == 1 and existing
end

local first

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
if max_jobs ~= '' and has_max_jobs(owner, tonumber(max_jobs), now - ttl) then
  return {'too_many_jobs', max_jobs, job.kind or ''}
end

-- An epoch is never below the clock, so an epoch that Redis issued and then lost is not issued to a second run.
if author ~= 'run' then epoch = math.max(epoch + 1, now) end
set_change()
if not old_status then set('created_at', whole(now)) end
if status == 'pending' then set('queued_at', whole(now)) end
if old_status == 'pending' and status == 'processing' then set('started_at', whole(now)) end
if status ~= '' then set('status', status) end
if is_end(status) then set('notified', (job.notified or '') .. ' ' .. notify(job, id, status, version, inbox_ttl)) end
if author == 'begin' and job.progressed == '1' then set('progressed', '') end
write_changes()
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
