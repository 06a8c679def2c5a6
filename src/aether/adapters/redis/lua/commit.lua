-- The only way to change a job: record, idempotency key, events, time to live, list, inbox, webhook and queue entry at
-- once, or nothing of it.
-- Stands behind index.lua, inbox.lua, deliveries.lua and the queue's own source, of which it uses now_ms, whole,
-- enqueue, withdraw, depth and vindicate.
--
-- ARGV: id, writer, epoch, version, most, owner, idempotency key, fingerprint, kinds, status, moves, ttl in ms, queue,
--       payload, longest queue, finished steps, ttl of the inbox in ms, payload for a webhook, n, n × (field, value) to set,
--       m, m × (field, number) to add, events…
-- Writers: 'create' a new job of this owner, under this idempotency key or ''; 'run' the holder of epoch, who has seen
--          version; 'begin' takes the epoch for a new run, which can run these kinds ('|a|b|', or '' for any);
--          'outside' takes it from whoever runs the job. 'create' and 'outside' may queue a job, unless as many of the
--          owner's wait or run as `most` says, if it is not ''.
-- Returns {'ok', version, epoch, listeners to the job's texts}, and the record behind that for 'begin';
--         {'known' or 'reused', the job that stands for the idempotency key}; {'crowded', most, kind};
--         {'unsupported', kind, epoch}; or {why not, status, epoch}.

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

-- What stands for an idempotency key: {job, fingerprint}, or nothing if that job is gone.
local function first_under(key)
  local first = redis.call('HMGET', ONCE .. key, 'job', 'fingerprint')
  return first[1] and redis.call('EXISTS', RECORD .. first[1]) == 1 and first
end

local id, writer, own_epoch, seen, most, owner, key, fingerprint, kinds = unpack(ARGV, 1, 9)
local status, moves, ttl, queue, payload, longest, done, inbox_ttl, delivery = unpack(ARGV, 10, 18)
local record, stream = RECORD .. id, EVENTS .. id
local held = redis.call(
  'HMGET', record, 'status', 'epoch', 'version', 'finished', 'updated_at', 'kind', 'owner', 'once'
)
local was, epoch, version = held[1], tonumber(held[2] or 0), tonumber(held[3] or 0)
local finished = tonumber(held[4] or 0) + tonumber(done)
if was then owner, key = held[7], held[8] or '' end

if writer == 'create' then
  if was then return {'taken', was, epoch} end
  local first = key ~= '' and first_under(key)
  if first then return {first[2] == fingerprint and 'known' or 'reused', first[1]} end
  if depth(queue) >= tonumber(longest) then return {'full', '', 0} end
elseif not was then
  return {'gone', '', 0}
elseif writer == 'run' then
  own_epoch, seen = tonumber(own_epoch), tonumber(seen)
  local behind = epoch < own_epoch or (epoch == own_epoch and version < seen)
  if behind and (was == 'pending' or was == 'processing') then
    -- Redis lost what it had acknowledged: the run knows of steps that the record does not. Another goes on from here.
    withdraw(queue, id)
    enqueue(queue, id, payload, ttl, 0, owner)
  end
  if behind or epoch ~= own_epoch then return {'fenced', was, epoch} end
  -- The holder of the epoch is alone: a later version is this very commit, whose answer was lost.
  if version > seen then return {'ok', version, epoch, listeners()} end
end
if was and status ~= '' and not string.find(moves, '|' .. was .. '|', 1, true) then
  return {'illegal', was, epoch}
end
if kinds ~= '' and not string.find(kinds, '|' .. held[6] .. '|', 1, true) then
  return {'unsupported', held[6], epoch}
end

local now, at = now_ms(), 19
ttl = tonumber(ttl)
if most ~= '' and is_crowded(owner, tonumber(most), now - ttl) then return {'crowded', most, held[6] or ''} end

-- So many fields go to Lua's stack at once.
local FIELDS = 500
local function pairs_of(command, most)
  local last = at + 2 * tonumber(ARGV[at])
  for i = at + 1, last, 2 * most do
    redis.call(command, record, unpack(ARGV, i, math.min(last, i + 2 * most - 1)))
  end
  at = last + 1
end
pairs_of('HSET', FIELDS)
pairs_of('HINCRBY', 1)
for i = at, #ARGV do
  version = version + 1
  redis.call('XADD', stream, version .. '-0', 'event', ARGV[i])
end
-- By the clock, so that one which Redis issued and lost is never issued again: two runs would hold it.
if writer ~= 'run' then epoch = math.max(epoch + 1, now) end
local facts = {
  'version', version, 'epoch', whole(epoch), 'finished', finished,
  'updated_at', whole(now), 'expires_at', whole(now + ttl)
}
local function fact(field, value)
  facts[#facts + 1], facts[#facts + 2] = field, value
end
if not was then fact('created_at', whole(now)) end
if status == 'pending' then fact('queued_at', whole(now)) end
if was == 'pending' and status == 'processing' then fact('started_at', whole(now)) end
if status ~= '' then fact('status', status) end
redis.call('HSET', record, unpack(facts))
if status == 'completed' then note_pace(record, queue, now) end
redis.call('PEXPIRE', record, ttl)
redis.call('PEXPIRE', stream, ttl)
if key ~= '' then
  if not was then redis.call('HSET', ONCE .. key, 'job', id, 'fingerprint', fingerprint) end
  redis.call('PEXPIRE', ONCE .. key, ttl)
end
-- Between two changes of status the list is kept alive once in a while, for which INDEX_SLACK_MS makes up.
if status ~= '' or math.floor(now / INDEX_SLACK_MS) ~= math.floor(held[5] / INDEX_SLACK_MS) then
  enlist(record, id, was, status ~= '' and status or was, ttl)
end
redis.call('PEXPIRE', FILES .. id, ttl)
if is_end(status) then
  notify(record, id, status, version, now, inbox_ttl)
  announce(record, id, status, version, delivery, now)
end

if writer == 'create' then
  enqueue(queue, id, payload, ttl, 0, owner)
elseif writer == 'run' then
  -- A step that merely starts may be the one that kills the worker.
  if tonumber(done) > 0 then vindicate(id) end
else
  redis.call('PUBLISH', FENCES, id .. ' ' .. whole(epoch))
end
if writer == 'outside' then
  withdraw(queue, id)
  -- A worker that keeps results would hinder the next run.
  redis.call('DEL', RESULT .. id)
  if status == 'pending' then enqueue(queue, id, payload, ttl, 0, owner) end
end
redis.call('PUBLISH', CHANGES .. id, version)
if writer == 'begin' then return {'ok', version, epoch, listeners(), redis.call('HGETALL', record)} end
return {'ok', version, epoch, listeners()}
