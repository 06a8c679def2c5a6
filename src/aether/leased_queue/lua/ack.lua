-- Acknowledges claims: ends them, gives them back or changes what is stored of them.
--
-- ARGV: queue, lease_ms, then groups of seven: verb, job id, token, score, delay_ms, data, data_ttl_ms
-- Returns for each group 1 if it was accepted, or 0 if the claim is not the sender's any more.
local queue, lease_ms = ARGV[1], tonumber(ARGV[2])
local verbs = {}

local function remove(ack)
  redis.call('ZREM', queue, ack.job_id)
  redis.call('ZREM', ABORT, ack.job_id)
  if ack.was_taken then
    -- A former holder may wake up, and must not take the missing job for one that Redis lost.
    redis.call('SET', TOMBSTONE .. ack.job_id, '1', 'PX', TOMBSTONE_MS)
  end
  redis.call('DEL', CLAIM .. ack.job_id, RETRY .. ack.job_id, JOB .. ack.job_id, IN_PROGRESS .. ack.job_id)
end

-- The job has ended; data is its result. With a delay the lease stays for that long: arq's guard against a cron job that
-- is enqueued twice.
function verbs.finish(ack)
  remove(ack)
  if ack.delay_ms > 0 then redis.call('SET', IN_PROGRESS .. ack.job_id, ack.token, 'PX', ack.delay_ms) end
  if ack.data ~= '' and ack.data_ttl_ms > 0 then
    redis.call('SET', RESULT .. ack.job_id, ack.data, 'PX', ack.data_ttl_ms)
  elseif ack.data ~= '' then
    redis.call('SET', RESULT .. ack.job_id, ack.data)
  end
end

-- Puts the job back into the queue, without a delay at its old place; data is its payload, should Redis have lost it.
function verbs.retry(ack)
  redis.call('DEL', IN_PROGRESS .. ack.job_id)
  end_delivery(ack.job_id)
  if redis.call('EXISTS', JOB .. ack.job_id) == 0 and ack.data ~= '' then
    redis.call('SET', JOB .. ack.job_id, ack.data, 'PX', ack.data_ttl_ms)
  end
  local score = ack.delay_ms > 0 and whole(now_ms() + ack.delay_ms) or ack.score
  redis.call('ZADD', queue, score, ack.job_id)
  wake_worker(queue)
end

-- A retry that does not count as an attempt. If Redis lost the claim, there is no count, and none may begin without a
-- time to live.
function verbs.release(ack)
  verbs.retry(ack)
  if redis.call('HEXISTS', CLAIM .. ack.job_id, 'attempts') == 1 then
    redis.call('HINCRBY', CLAIM .. ack.job_id, 'attempts', -1)
  end
end

-- Writes back a running job that Redis lost; data is its payload.
function verbs.restore(ack)
  if ack.data ~= '' then
    redis.call('SET', JOB .. ack.job_id, ack.data, 'PX', ack.data_ttl_ms)
  end
  redis.call('HSET', CLAIM .. ack.job_id, 'token', ack.token)
  redis.call('PEXPIRE', CLAIM .. ack.job_id, CLAIM_MS)
  extend_lease(queue, ack.job_id, ack.token, lease_ms)
end

function verbs.begin_alone(ack)
  begin_alone(ack.job_id)
end

function verbs.dead_letter(ack)
  keep_dead_letter(ack.job_id)
  remove(ack)
end

local replies = {}
for i = 3, #ARGV, 7 do
  local ack = {
    job_id = ARGV[i + 1], token = ARGV[i + 2], score = ARGV[i + 3], delay_ms = tonumber(ARGV[i + 4]),
    data = ARGV[i + 5], data_ttl_ms = tonumber(ARGV[i + 6]),
  }
  local state
  state, ack.was_taken = claim_state(queue, ack.job_id, ack.token)
  local is_accepted = state ~= 'lost'
  if is_accepted then
    verbs[ARGV[i]](ack)
  end
  replies[#replies + 1] = is_accepted and 1 or 0
end
return replies
