-- Claims jobs that are due.
--
-- ARGV: queue, worker, limit, lease_ms, running, may_take_over, takeover_delay_ms
-- Returns {ms until the next job is due or -1, {job id, token, score, payload, run mode, number of the attempt}, ...}.
local queue, worker = ARGV[1], ARGV[2]
local limit, lease_ms, running = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local may_take_over, takeover_delay_ms = ARGV[6] == '1', tonumber(ARGV[7])
local now
local claimed, newcomers, latest_turn = {}, {}, nil

local function postpone(job_id, delay_ms)
  redis.call('ZADD', queue, whole(now + delay_ms), job_id)
end

local function next_token()
  local fence = redis.call('INCR', FENCE)
  if fence == 1 then
    -- Redis may have lost the counter, and must not issue a number twice.
    fence = now * 1000
    redis.call('SET', FENCE, whole(fence), 'PX', FENCE_MS)
  elseif fence % 64 == 0 then
    redis.call('PEXPIRE', FENCE, FENCE_MS)
  end
  return whole(fence) .. ':' .. worker
end

-- Returns whether somebody has a lease, and looks at the job when it ends.
local function postpone_leased(job_id)
  local lease = redis.call('PTTL', IN_PROGRESS .. job_id)
  if lease == -2 then return false end
  postpone(job_id, lease < 0 and lease_ms or math.max(lease, 1))
  return true
end

-- Returns the run mode if the job was claimed.
local function claim_job(job_id, score, claim)
  local token = next_token()
  if not redis.call('SET', IN_PROGRESS .. job_id, token, 'PX', lease_ms, 'NX') then
    postpone_leased(job_id)
    return
  end
  local attempt = claim.attempts + 1
  redis.call('HSET', CLAIM .. job_id, 'token', token, 'claimed', '1', 'attempts', attempt)
  local run_mode = begin_delivery(job_id, claim, running + #claimed == 0)
  redis.call('PEXPIRE', CLAIM .. job_id, CLAIM_MS)
  postpone(job_id, lease_ms)
  if is_turn(score) then latest_turn = score end
  claimed[#claimed + 1] = {job_id, token, score, redis.call('GET', JOB .. job_id) or '', run_mode, attempt}
  return run_mode
end

-- The lease of a job has expired, but the job still has a holder. Returns the run mode if it was claimed.
local function take_over(job_id, score, claim)
  if not (may_take_over or is_presumed_dead(claim)) then return postpone(job_id, takeover_delay_ms) end
  redis.call('HSET', CLAIM .. job_id, 'taken', '1')
  local backoff_ms = backoff_after_expiry(queue, job_id, claim, now)
  if backoff_ms then return postpone(job_id, backoff_ms) end
  return claim_job(job_id, score, claim)
end

-- Returns the run mode if the job was claimed.
local function visit(job_id, score)
  local claim = read_claim(job_id)
  if (claim.token or not is_turn(score)) and postpone_leased(job_id) then return end
  if not (is_turn(score) or claim.was_claimed or claim.token) then
    newcomers[#newcomers + 1] = {job_id, score, claim}
  elseif claim.token then
    return take_over(job_id, score, claim)
  else
    return claim_job(job_id, score, claim)
  end
end

local function first_due(lowest, most)
  return redis.call('ZRANGE', queue, lowest, whole(now), 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
end

-- Visits jobs of these until the limit, those with turns or the others. Returns whether the last one must run alone.
local function visit_all(entries, with_turns)
  for i = 1, #entries, 2 do
    if #claimed == limit then return false end
    if is_turn(entries[i + 1]) == with_turns and is_exclusive(visit(entries[i], entries[i + 1])) then return true end
  end
  return false
end

-- Newcomers are jobs that were deferred until now, or that plain arq has queued: from now on each waits for a turn.
-- If they have no flow and no other job waits, they are claimed at once.
local function admit_newcomers(others_wait)
  for _, entry in ipairs(newcomers) do
    local job_id, score, claim = unpack(entry)
    if others_wait or claim.flow then
      redis.call('ZADD', queue, take_turn(queue, claim.flow, first_score(queue)), job_id)
    elseif #claimed < limit then
      claim_job(job_id, score, claim)
    end
  end
end

-- Jobs that come back from a worker go first; otherwise a job whose lease has expired would wait behind all that wait.
-- DUE_LIMIT is generous, because newcomers may stand before them.
local function claim_all(first)
  local others_wait = is_turn(first)
  local entries = first_due('-inf', limit)
  local returned = #entries < 2 * limit and entries or first_due(whole(FIRST_TIMESTAMP), DUE_LIMIT)
  if visit_all(returned, false) then return end
  admit_newcomers(others_wait)
  visit_all(#newcomers > 0 and first_due('-inf', limit) or entries, true)
  if latest_turn then
    local served = served_round(queue, first)
    if round_of(latest_turn) > served then serve_round(queue, round_of(latest_turn)) end
  end
end

-- An empty queue is seen twice a second by each idle worker: one command less.
local function ms_until_due(first)
  if not first then return -1 end
  now = now or now_ms()
  return math.max(math.ceil(tonumber(first) - now), 0)
end

local first = first_score(queue)
local due_in = ms_until_due(first)
if due_in == 0 then
  claim_all(first)
  due_in = ms_until_due(first_score(queue))
  if due_in == 0 then wake_worker(queue) end
end
return {due_in, unpack(claimed)}
