-- Reads a job for its owner. Needs inbox.lua and queue_estimate.lua.
-- ARGV: id, kind, owner, queue; the revision that the caller has: version and time of change, or '' and ''; and '1' if
--       the caller wants an estimate even so.
-- Returns nil if there is no such job or it belongs to another owner, having read equally little in both cases;
--         '' if the caller has the current revision, and wants no estimate;
--         or {record, the answer of `queue_estimate`}: the record is empty if the caller has the current revision, and the
--         latter is '' if the job has ended.
local record = RECORD .. ARGV[1]
local job = redis.call('HMGET', record, 'kind', 'owner', 'version', 'updated_at', 'status')
if job[1] ~= ARGV[2] or job[2] ~= ARGV[3] then return false end
local is_known = job[3] == ARGV[5] and job[4] == ARGV[6]
if is_known and ARGV[7] ~= '1' then return '' end
local estimate = is_end(job[5]) and '' or queue_estimate(ARGV[1], ARGV[2], ARGV[4])
return {is_known and {} or redis.call('HGETALL', record), estimate}
