-- ARGV: queue, worker, room, lease_ms, running, may_take_over, settle_ms
-- Returns {ms until the next job is due or -1, {job id, token, score, payload, manner}, ...}.
local queue, worker = ARGV[1], ARGV[2]
local room, lease_ms, running = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local may_take_over, settle_ms = ARGV[6] == '1', tonumber(ARGV[7])
local now = now_ms()
local claimed = {}

local function postpone(job_id, delay_ms)
  redis.call('ZADD', queue, whole(now + delay_ms), job_id)
end

local function next_token()
  local fence = redis.call('INCR', FENCE)
  if fence == 1 then
    -- A counter that was lost must not issue numbers again.
    fence = now * 1000
    redis.call('SET', FENCE, whole(fence))
  end
  redis.call('PEXPIRE', FENCE, FENCE_MS)
  return whole(fence) .. ':' .. worker
end

local function read_note(job_id)
  local fields = redis.call('HMGET', NOTE .. job_id, 'token', 'suspect', 'alone', 'held', 'condemned')
  return {token = fields[1], suspect = fields[2], alone = fields[3], held = fields[4], condemned = fields[5]}
end

local function worker_of(token)
  return string.match(token, ':(.*)') or token
end

-- How many workers died lately without this job's doing: whatever kills them, it need not be this one. Those of this
-- queue alone: a process may have a worker for each of several queues, and dies once.
local function other_deaths(note)
  local deaths = DEATHS .. queue
  redis.call('ZREMRANGEBYSCORE', deaths, '-inf', now - DEATHS_MS)
  redis.call('ZADD', deaths, now, worker_of(note.token))
  redis.call('PEXPIRE', deaths, DEATHS_MS)
  return redis.call('ZCARD', deaths) - note.deaths
end

-- A due job with a holder: its lease ran out. Returns whether it may be claimed at once.
local function inherit(job_id, note)
  local key = NOTE .. job_id
  if not may_take_over then
    postpone(job_id, settle_ms)
    return false
  end
  redis.call('HSET', key, 'taken', '1')
  -- A holder that is alive has not died of this job: it lost the claim when Redis lost what it had acknowledged.
  if note.held or note.condemned or redis.call('EXISTS', ALIVE .. worker_of(note.token)) == 1 then
    return true
  end
  note.deaths = redis.call('HINCRBY', key, 'deaths', 1)
  local others = other_deaths(note)
  if note.alone and redis.call('HINCRBY', key, 'lone_deaths', 1) > math.max(others, 0) then
    note.condemned = '1'
    redis.call('HSET', key, 'condemned', '1')
    return true
  end
  -- Where most workers died without it, that it was there a few times says little.
  if note.deaths < (note.deaths < others and CLEAR_DEATHS or SUSPECT_DEATHS) and not note.suspect then
    return true
  end
  redis.call('HSET', key, 'suspect', '1')
  redis.call('HDEL', key, 'token')
  postpone(job_id, math.min(BACKOFF_MS * 2 ^ (note.deaths - SUSPECT_DEATHS), MAX_BACKOFF_MS))
  return false
end

local function manner_of(note)
  if note.condemned then
    return 'condemned'
  elseif not note.suspect then
    return 'plain'
  end
  return running + #claimed == 0 and 'alone' or 'held'
end

local function take(job_id, score, note)
  local token, manner, key = next_token(), manner_of(note), NOTE .. job_id
  redis.call('SET', IN_PROGRESS .. job_id, token, 'PX', lease_ms)
  redis.call('HDEL', key, 'alone', 'held')
  redis.call('HSET', key, 'token', token)
  if manner == 'alone' or manner == 'held' then
    redis.call('HSET', key, manner, '1')
  end
  redis.call('PEXPIRE', key, NOTE_MS)
  postpone(job_id, lease_ms)
  claimed[#claimed + 1] = {job_id, token, score, redis.call('GET', JOB .. job_id) or '', manner}
  return manner
end

local function visit(job_id, score)
  local lease = redis.call('PTTL', IN_PROGRESS .. job_id)
  if lease ~= -2 then
    postpone(job_id, lease < 0 and lease_ms or math.max(lease, 1))
    return
  end
  local note = read_note(job_id)
  if not note.token or inherit(job_id, note) then
    return take(job_id, score, note)
  end
end

local due_in = -1
local function look_ahead(score)
  due_in = math.max(math.ceil(tonumber(score) - now), 0)
end

local entries = redis.call('ZRANGE', queue, 0, room - 1, 'WITHSCORES')
for i = 1, #entries, 2 do
  if tonumber(entries[i + 1]) > now then
    look_ahead(entries[i + 1])
    break
  end
  local manner = visit(entries[i], entries[i + 1])
  due_in = 0
  if manner == 'alone' or manner == 'held' then
    break -- nothing may start beside a suspect
  end
end
if due_in == 0 then
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  look_ahead(first[2])
  if due_in == 0 then
    ring(queue)
  end
end
return {due_in, unpack(claimed)}
