-- An owner's valid secrets, the newest first, each behind it until when it is valid, in ms or 'inf'.
-- ARGV: owner, a fresh secret, '' or how long the others stay valid at most, in ms, when the fresh one takes their place.
-- A sorted set, by the end of their validity; without any, the fresh one becomes the first.
local key, now, overlap = SECRETS .. ARGV[1], now_ms(), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now))
local current = redis.call('ZRANGEBYSCORE', key, '+inf', '+inf')[1]
if current and overlap then redis.call('ZADD', key, whole(now + overlap), current) end
if overlap or not current then redis.call('ZADD', key, '+inf', ARGV[2]) end
redis.call('ZREMRANGEBYRANK', key, 0, -SECRETS_KEPT - 1)
redis.call('PEXPIRE', key, ENDPOINT_MS)
return redis.call('ZREVRANGE', key, 0, -1, 'WITHSCORES')
