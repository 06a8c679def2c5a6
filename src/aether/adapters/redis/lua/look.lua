-- Reads a job for its owner. Stands behind inbox.lua and queue_estimate.lua.
-- ARGV: id, kind, owner, queue, version and time of change that the caller has, or ''.
-- Returns nil, and has read as much, whether there is no such job or it is another's; '' if it is as the caller has it;
--         or {record, what `queue_estimate` says of it}, of which the latter is '' if the job has ended.
local record = RECORD .. ARGV[1]
local held = redis.call('HMGET', record, 'kind', 'owner', 'version', 'updated_at', 'status')
if held[1] ~= ARGV[2] or held[2] ~= ARGV[3] then return false end
if held[3] == ARGV[5] and held[4] == ARGV[6] then return '' end
local rest = is_end(held[5]) and '' or queue_estimate(ARGV[1], ARGV[2], ARGV[4])
return {redis.call('HGETALL', record), rest}
