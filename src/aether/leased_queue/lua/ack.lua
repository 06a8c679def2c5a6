-- ARGV: queue, lease_ms, then groups of seven: order, job id, token, score, delay_ms, data, data_ttl_ms
-- Returns 1 for each order that was accepted and 0 for each refused because the claim is no longer the sender's.
local queue, lease_ms = ARGV[1], tonumber(ARGV[2])
local orders = {}

local function drop(job_id)
  redis.call('ZREM', queue, job_id)
  redis.call('ZREM', ABORT, job_id)
  if redis.call('HEXISTS', NOTE .. job_id, 'taken') == 1 then
    -- The former holder may wake up: it must not take the silence for a loss and put the job back.
    redis.call('SET', GONE .. job_id, '1', 'PX', GONE_MS)
  end
  redis.call('DEL', NOTE .. job_id, RETRY .. job_id, JOB .. job_id)
end

-- delay_ms keeps the in-progress key for that long: arq's guard against a cron job that is enqueued twice.
function orders.finish(order)
  drop(order.job_id)
  if order.delay_ms > 0 then
    redis.call('PEXPIRE', IN_PROGRESS .. order.job_id, order.delay_ms)
  else
    redis.call('DEL', IN_PROGRESS .. order.job_id)
  end
  if order.data ~= '' and order.data_ttl_ms > 0 then
    redis.call('SET', RESULT .. order.job_id, order.data, 'PX', order.data_ttl_ms)
  elseif order.data ~= '' then
    redis.call('SET', RESULT .. order.job_id, order.data)
  end
end

-- Without a delay the job keeps its place in the queue.
function orders.retry(order)
  redis.call('DEL', IN_PROGRESS .. order.job_id)
  redis.call('HDEL', NOTE .. order.job_id, 'token', 'alone', 'held')
  if redis.call('EXISTS', JOB .. order.job_id) == 0 and order.data ~= '' then
    redis.call('SET', JOB .. order.job_id, order.data, 'PX', order.data_ttl_ms)
  end
  local score = order.delay_ms > 0 and whole(now_ms() + order.delay_ms) or order.score
  redis.call('ZADD', queue, score, order.job_id)
  ring(queue)
end

-- A retry that is not counted as a try.
function orders.release(order)
  orders.retry(order)
  if tonumber(redis.call('GET', RETRY .. order.job_id) or '0') > 0 then
    redis.call('DECR', RETRY .. order.job_id)
  end
end

-- Writes a running job back that Redis lost.
function orders.restore(order)
  if order.data ~= '' then
    redis.call('SET', JOB .. order.job_id, order.data, 'PX', order.data_ttl_ms)
  end
  redis.call('HSET', NOTE .. order.job_id, 'token', order.token)
  redis.call('PEXPIRE', NOTE .. order.job_id, NOTE_MS)
  hold(queue, order.job_id, order.token, lease_ms)
end

-- A suspect that was held until its worker was empty begins.
function orders.isolate(order)
  redis.call('HDEL', NOTE .. order.job_id, 'held')
  redis.call('HSET', NOTE .. order.job_id, 'alone', '1')
end

function orders.condemn(order)
  redis.call('DEL', IN_PROGRESS .. order.job_id)
  local payload = redis.call('GET', JOB .. order.job_id)
  if payload then
    redis.call('SET', CONDEMNED .. order.job_id, payload, 'PX', CONDEMNED_MS)
  end
  drop(order.job_id)
end

local replies = {}
for i = 3, #ARGV, 7 do
  local order = {
    job_id = ARGV[i + 1], token = ARGV[i + 2], score = ARGV[i + 3], delay_ms = tonumber(ARGV[i + 4]),
    data = ARGV[i + 5], data_ttl_ms = tonumber(ARGV[i + 6]),
  }
  local accepted = ownership(queue, order.job_id, order.token) ~= 'lost'
  if accepted then
    orders[ARGV[i]](order)
  elseif redis.call('EXISTS', JOB .. order.job_id) == 0 then
    redis.call('DEL', RETRY .. order.job_id) -- counted by the run that is refused now, after the job was removed
  end
  replies[#replies + 1] = accepted and 1 or 0
end
return replies
