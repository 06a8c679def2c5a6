-- Reads the events of a job that follow a version. ARGV: id, version.
-- Returns {the record's version or false, entry…}. The first entry also holds what the version itself is from, if it is
-- stored: nothing is lost between them then. An entry holds at least one event, so these are enough.
local version = redis.call('HGET', RECORD .. ARGV[1], 'version')
local missing = tonumber(version or 0) - tonumber(ARGV[2])
if missing <= 0 then return {version} end
return {version, unpack(redis.call('LRANGE', EVENTS .. ARGV[1], -missing - 1, -1))}
