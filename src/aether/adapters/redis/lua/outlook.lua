-- What is known about a job's future: {place among the jobs that wait or '', run or '', gap or '', now}, in milliseconds.
-- ARGV: id, kind, queue.
local score = redis.call('ZSCORE', ARGV[3], ARGV[1])
local now = now_ms()
local place = ''
-- Running and deferred jobs have their score in the future, behind all that wait.
if score and tonumber(score) <= now then place = redis.call('ZRANK', ARGV[3], ARGV[1]) + 1 end
local pace = redis.call('HMGET', PACE .. ARGV[2], 'run', 'gap')
return {place, pace[1] or '', pace[2] or '', whole(now)}
