-- Ends the leases of a worker whose connection is gone, so that other workers take its jobs over at once.
--
-- ARGV: queue, worker, connection as it was announced, lease_ms, is_dead
-- Without `is_dead` the announcement is removed and nothing else. Returns how many leases were ended, or -1 if the worker
-- has announced another connection, or another worker was faster.
local queue, worker, connection, lease_ms, is_dead = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local KEYS_PER_MGET = 500
local now = now_ms()
local ended = 0

-- The leases of quarantined jobs run their time: a worker that is alive after all would make the job a dead letter.
local function end_lease(job_id, token)
  local claim = read_claim(job_id)
  if claim.token ~= token or is_suspect(claim) then return end
  presume_death(job_id, token)
  redis.call('DEL', IN_PROGRESS .. job_id)
  redis.call('ZADD', queue, whole(now), job_id)
  ended = ended + 1
end

local function end_leases(job_ids)
  local leases = {}
  for i, job_id in ipairs(job_ids) do leases[i] = IN_PROGRESS .. job_id end
  for i, token in ipairs(redis.call('MGET', unpack(leases))) do
    if token and worker_of(token) == worker then end_lease(job_ids[i], token) end
  end
end

-- The scores of running jobs are the ends of their leases.
local function end_all_leases()
  local job_ids = redis.call('ZRANGE', queue, whole(now), whole(now + lease_ms), 'BYSCORE')
  for first = 1, #job_ids, KEYS_PER_MGET do
    end_leases({unpack(job_ids, first, math.min(first + KEYS_PER_MGET - 1, #job_ids))})
  end
end

if redis.call('HGET', CONNECTIONS .. queue, worker) ~= connection then return -1 end
redis.call('HDEL', CONNECTIONS .. queue, worker)
if is_dead then
  redis.call('DEL', WORKER_ALIVE .. worker)
  end_all_leases()
  if ended > 0 then wake_worker(queue) end
end
return ended
