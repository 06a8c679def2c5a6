-- The only way to change a job: record, events, time to live, list, inbox, webhook and queue entry at once, or nothing
-- of it.
-- Stands behind index.lua, inbox.lua, deliveries.lua and the queue's own source, of which it uses now_ms, whole,
-- enqueue, withdraw, depth and vindicate.
--
-- ARGV: id, writer, epoch, version, status, moves, ttl in ms, queue, payload, longest queue, finished steps,
--       ttl of the inbox in ms, payload for a webhook, n, n × (field, value) to set, m, m × (field, number) to add,
--       events…
-- Writers: 'create' a new job; 'run' the holder of epoch, who has seen version; 'begin' takes the epoch for a new run;
--          'outside' takes it from whoever runs the job.
-- Returns {'ok', version, epoch, listeners to the job's texts}, and the record behind that for 'begin';
--         or {why not, status, epoch}.

-- Running means, in milliseconds: how long a job of this kind takes, and how soon the next one ends while others wait.
local function note_pace(record, queue, now)
  local job = redis.call('HMGET', record, 'kind', 'started_at')
  local key = PACE .. job[1]
  local pace = redis.call('HMGET', key, 'run', 'gap', 'last')
  local function note(field, mean, latest)
    redis.call('HSET', key, field, whole(mean and 0.8 * mean + 0.2 * latest or latest))
  end
  note('run', pace[1], now - (job[2] or now))
  if pace[3] and depth(queue) > 0 then note('gap', pace[2], now - pace[3]) end
  redis.call('HSET', key, 'last', whole(now))
  redis.call('PEXPIRE', key, PACE_MS)
end

-- Not what PUBLISH returns: who merely waits for changes listens to those alone.
local function listeners()
  return redis.call('PUBSUB', 'NUMSUB', TEXTS .. ARGV[1])[2]
end

local id, writer, status, queue = ARGV[1], ARGV[2], ARGV[5], ARGV[8]
local record, stream = RECORD .. id, EVENTS .. id
local held = redis.call('HMGET', record, 'status', 'epoch', 'version', 'finished', 'updated_at')
local was, epoch, version = held[1], tonumber(held[2] or 0), tonumber(held[3] or 0)
local finished = tonumber(held[4] or 0) + tonumber(ARGV[11])

if writer == 'create' then
  if was then return {'taken', was, epoch} end
  if depth(queue) >= tonumber(ARGV[10]) then return {'full', '', 0} end
elseif not was then
  return {'gone', '', 0}
elseif writer == 'run' then
  local behind = epoch < tonumber(ARGV[3]) or (epoch == tonumber(ARGV[3]) and version < tonumber(ARGV[4]))
  if behind and (was == 'pending' or was == 'processing') then
    -- Redis lost what it had acknowledged: the run knows of steps that the record does not. Another goes on from here.
    withdraw(queue, id)
    enqueue(queue, id, ARGV[9], ARGV[7], 0)
  end
  if behind or epoch ~= tonumber(ARGV[3]) then return {'fenced', was, epoch} end
  -- The holder of the epoch is alone: a later version is this very commit, whose answer was lost.
  if version > tonumber(ARGV[4]) then return {'ok', version, epoch, listeners()} end
end
if was and status ~= '' and not string.find(ARGV[6], '|' .. was .. '|', 1, true) then
  return {'illegal', was, epoch}
end

local now, ttl, at = now_ms(), tonumber(ARGV[7]), 14
local function pairs_of(command)
  local n = tonumber(ARGV[at])
  for i = at + 1, at + 2 * n, 2 do
    redis.call(command, record, ARGV[i], ARGV[i + 1])
  end
  at = at + 2 * n + 1
end
pairs_of('HSET')
pairs_of('HINCRBY')
for i = at, #ARGV do
  version = version + 1
  redis.call('XADD', stream, version .. '-0', 'event', ARGV[i])
end
if writer ~= 'run' then epoch = epoch + 1 end
if not was then redis.call('HSET', record, 'created_at', whole(now)) end
if status == 'pending' then redis.call('HSET', record, 'queued_at', whole(now)) end
if was == 'pending' and status == 'processing' then redis.call('HSET', record, 'started_at', whole(now)) end
if status == 'completed' then note_pace(record, queue, now) end
if status ~= '' then redis.call('HSET', record, 'status', status) end
redis.call(
  'HSET', record, 'version', version, 'epoch', epoch, 'finished', finished,
  'updated_at', whole(now), 'expires_at', whole(now + ttl)
)
redis.call('PEXPIRE', record, ttl)
redis.call('PEXPIRE', stream, ttl)
-- Between two changes of status the list is kept alive once in a while, for which INDEX_SLACK_MS makes up.
if status ~= '' or math.floor(now / INDEX_SLACK_MS) ~= math.floor(held[5] / INDEX_SLACK_MS) then
  enlist(record, id, was, status ~= '' and status or was, ttl)
end
redis.call('PEXPIRE', FILES .. id, ttl)
if is_end(status) then
  notify(record, id, status, version, now, ARGV[12])
  announce(record, id, status, version, ARGV[13], now)
end

if writer == 'create' then
  enqueue(queue, id, ARGV[9], ttl, 0)
elseif writer == 'run' then
  -- A step that merely starts may be the one that kills the worker.
  if tonumber(ARGV[11]) > 0 then vindicate(id) end
else
  redis.call('PUBLISH', FENCES, id .. ' ' .. epoch)
end
if writer == 'outside' then
  withdraw(queue, id)
  -- A worker that keeps results would hinder the next run.
  redis.call('DEL', RESULT .. id)
  if status == 'pending' then enqueue(queue, id, ARGV[9], ttl, 0) end
end
redis.call('PUBLISH', CHANGES .. id, version)
if writer == 'begin' then return {'ok', version, epoch, listeners(), redis.call('HGETALL', record)} end
return {'ok', version, epoch, listeners()}
