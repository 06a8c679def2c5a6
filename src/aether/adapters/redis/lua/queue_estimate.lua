-- A library: what is known about a job's future.

-- {place among the jobs that wait or '', run or '', gap or '', now}, in milliseconds.
--
-- The place is that of its turn, behind what comes back from a worker that was lost. It may get worse: the first job of
-- another owner comes in before an owner's second.
local function queue_estimate(job_id, kind, queue)
  local now = now_ms()
  local score = redis.call('ZSCORE', queue, job_id)
  local place = ''
  -- Running and deferred jobs have their score in the future, behind all that wait.
  if score and tonumber(score) <= now then
    place = redis.call('ZRANK', queue, job_id) + 1
    -- What is due by the clock stands behind all turns, but goes before.
    place = is_turn(score) and place + redis.call('ZCOUNT', queue, whole(CLOCK), whole(now))
      or place - redis.call('ZCOUNT', queue, '-inf', '(' .. whole(CLOCK))
  end
  local pace = redis.call('HMGET', PACE .. kind, 'run', 'gap')
  return {place, pace[1] or '', pace[2] or '', whole(now)}
end
