-- Library: what an estimate of a job is made of.

-- Returns {position among the jobs that wait or '', run or '', gap or '', workers that run, now}, times in milliseconds.
--
-- The position is that of the job's turn; jobs that come back from a lost worker go first. It may get worse, since the
-- first job of another owner is queued before the second job of this one.
local function queue_estimate(job_id, kind, queue)
  local now = now_ms()
  local score = redis.call('ZSCORE', queue, job_id)
  local position = ''
  -- Running and deferred jobs have a score in the future, after all jobs that wait.
  if score and tonumber(score) <= now then
    position = redis.call('ZRANK', queue, job_id) + 1
    -- Jobs with a time as score are ranked after all turns, but are claimed before them.
    position = is_turn(score) and position + redis.call('ZCOUNT', queue, whole(FIRST_TIMESTAMP), whole(now))
      or position - redis.call('ZCOUNT', queue, '-inf', '(' .. whole(FIRST_TIMESTAMP))
  end
  local pace = redis.call('HMGET', PACE .. kind, 'run', 'gap')
  local workers = redis.call('ZCOUNT', WORKERS, whole(math.floor(now / 1000) - WORKER_TTL_S), '+inf')
  return {position, pace[1] or '', pace[2] or '', whole(workers), whole(now)}
end
