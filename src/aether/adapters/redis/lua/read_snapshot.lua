-- Reads a job for its owner. Needs inbox.lua and queue_estimate.lua.
-- ARGV: id, kind, owner, queue, and the revision that the caller has: version and time of change, or '' and ''.
-- Returns nil if there is no such job or it belongs to another owner, having read equally little in both cases;
--         '' if the caller has the current revision;
--         or {record, the answer of `queue_estimate`}, the latter '' if the job has ended.
local record = RECORD .. ARGV[1]
local job = redis.call('HMGET', record, 'kind', 'owner', 'version', 'updated_at', 'status')
if job[1] ~= ARGV[2] or job[2] ~= ARGV[3] then return false end
if job[3] == ARGV[5] and job[4] == ARGV[6] then return '' end
local estimate = is_end(job[5]) and '' or queue_estimate(ARGV[1], ARGV[2], ARGV[4])
return {redis.call('HGETALL', record), estimate}
