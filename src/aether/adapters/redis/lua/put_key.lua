-- Keeps a key and drops others, unless any was changed since the caller has read them.
-- ARGV: id, the key as JSON, the version that was read, ids to drop…
-- Returns 1 if it is kept, also when it is sent again. A version is the time of the change in microseconds, so that even
-- where Redis has lost the latest, no other state of the keys ever gets the same one.
if redis.call('HGET', ACCESS_KEYS, ARGV[1]) == ARGV[2] then return 1 end
local version = redis.call('HGET', ACCESS_KEYS, 'version') or '0'
if version ~= ARGV[3] then return 0 end
for i = 4, #ARGV do redis.call('HDEL', ACCESS_KEYS, ARGV[i]) end
local seconds, microseconds = unpack(redis.call('TIME'))
local now = tonumber(seconds) * 1000000 + tonumber(microseconds)
redis.call('HSET', ACCESS_KEYS, ARGV[1], ARGV[2], 'version', whole(math.max(tonumber(version) + 1, now)))
return 1
