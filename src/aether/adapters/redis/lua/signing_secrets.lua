-- Returns an owner's valid signing secrets, newest first, each followed by its expiry in ms or 'inf'.
-- ARGV: owner, a new secret, and '' or, to rotate, for how many ms at most the current secret stays valid.
-- A sorted set by expiry. If the owner has no secret, the new one becomes the first.
local key, now, overlap = SECRETS .. ARGV[1], now_ms(), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now))
local current = redis.call('ZRANGEBYSCORE', key, '+inf', '+inf')[1]
if current and overlap then redis.call('ZADD', key, whole(now + overlap), current) end
if overlap or not current then redis.call('ZADD', key, '+inf', ARGV[2]) end
redis.call('ZREMRANGEBYRANK', key, 0, -MAX_SECRETS - 1)
redis.call('PEXPIRE', key, ENDPOINT_MS)
return redis.call('ZREVRANGE', key, 0, -1, 'WITHSCORES')
