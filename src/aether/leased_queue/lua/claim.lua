-- ARGV: queue, worker, room, lease_ms, running, may_take_over, settle_ms
-- Returns {ms until the next job is due or -1, {job id, token, score, payload, manner}, ...}.
local queue, worker = ARGV[1], ARGV[2]
local room, lease_ms, running = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local may_take_over, settle_ms = ARGV[6] == '1', tonumber(ARGV[7])
local now = now_ms()
local claimed, fresh, latest_turn = {}, {}, nil

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
  local fields = redis.call('HMGET', NOTE .. job_id, 'token', 'suspect', 'alone', 'held', 'condemned', 'flow', 'claimed')
  return {
    token = fields[1], suspect = fields[2], alone = fields[3], held = fields[4], condemned = fields[5], flow = fields[6],
    claimed = fields[7],
  }
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
  redis.call('HSET', key, 'token', token, 'claimed', '1')
  if manner == 'alone' or manner == 'held' then
    redis.call('HSET', key, manner, '1')
  end
  redis.call('PEXPIRE', key, NOTE_MS)
  postpone(job_id, lease_ms)
  if is_turn(score) then latest_turn = score end
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
  if not (is_turn(score) or note.claimed or note.token) then
    fresh[#fresh + 1] = {job_id, score, note}
  elseif not note.token or inherit(job_id, note) then
    return take(job_id, score, note)
  end
end

-- Visits the first jobs with such scores while there is room. Returns whether nothing may start beside the last one.
local function visit_all(lowest, highest, most)
  local entries = redis.call('ZRANGE', queue, lowest, highest, 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
  for i = 1, #entries, 2 do
    if #claimed == room then return false end
    local manner = visit(entries[i], entries[i + 1])
    if manner == 'alone' or manner == 'held' then return true end
  end
  return false
end

-- What was put off until now, or was put here by plain arq, stands in line from now on. If nobody else does, it need not.
local function line_up(is_contested)
  for _, entry in ipairs(fresh) do
    local job_id, score, note = unpack(entry)
    if is_contested or note.flow then
      redis.call('ZADD', queue, take_turn(queue, note.flow), job_id)
    elseif #claimed < room then
      take(job_id, score, note)
    end
  end
end

local function first_score()
  return redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2]
end

-- What comes back from a worker goes first, or a lease that ran out would wait behind all that wait. There may be much
-- that is fresh before it.
local function claim_all()
  local is_contested = is_turn(first_score())
  if visit_all(whole(CLOCK), whole(now), DUE_AT_ONCE) then return end
  line_up(is_contested)
  visit_all('-inf', '(' .. whole(CLOCK), room - #claimed)
  if latest_turn then
    serve_round(queue, math.max(served_round(queue), round_of(latest_turn)))
  end
end

local function until_due()
  local first = first_score()
  return first and math.max(math.ceil(tonumber(first) - now), 0) or -1
end

local due_in = until_due()
if due_in == 0 then
  claim_all()
  due_in = until_due()
  if due_in == 0 then ring(queue) end
end
return {due_in, unpack(claimed)}
