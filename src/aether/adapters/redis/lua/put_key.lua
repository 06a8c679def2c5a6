-- Stores an API key and drops others, unless any key was changed since the caller read them.
-- ARGV: id, the key as JSON, the version that the caller read, ids to drop…
-- Returns 1 if the key is stored, also when the same call is repeated. A version is the time of the change in
-- microseconds, so that even if Redis loses the latest change, no other set of keys ever gets the same version.
if redis.call('HGET', ACCESS_KEYS, ARGV[1]) == ARGV[2] then return 1 end
local version = redis.call('HGET', ACCESS_KEYS, 'version') or '0'
if version ~= ARGV[3] then return 0 end
for i = 4, #ARGV do redis.call('HDEL', ACCESS_KEYS, ARGV[i]) end
local seconds, microseconds = unpack(redis.call('TIME'))
local now = tonumber(seconds) * 1000000 + tonumber(microseconds)
redis.call('HSET', ACCESS_KEYS, ARGV[1], ARGV[2], 'version', whole(math.max(tonumber(version) + 1, now)))
return 1
