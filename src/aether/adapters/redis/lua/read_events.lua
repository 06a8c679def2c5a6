-- Reads the events of a job that follow a version. ARGV: id, version.
-- Returns {the record's version or false, entries}. As each entry holds at least one event, the entries that are asked for
-- are among the last ones. The one before them tells, if it is stored, that nothing is lost in between.
local log = EVENTS .. ARGV[1]
local version = redis.call('HGET', RECORD .. ARGV[1], 'version')
local missing = tonumber(version or 0) - tonumber(ARGV[2])
return {version, missing > 0 and redis.call('LRANGE', log, -missing - 1, -1) or {}}
