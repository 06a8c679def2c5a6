-- Adds a read token of an owner's job. ARGV: id, kind, owner, SHA-256 of the token, its caller as JSON, ms to live.
-- Returns when it expires, in ms, or nil if the owner has no such job. No token outlives the job's record.
local tokens, now = READ_TOKENS .. ARGV[1], now_ms()
local job = redis.call('HMGET', RECORD .. ARGV[1], 'kind', 'owner', 'expires_at')
if job[1] ~= ARGV[2] or job[2] ~= ARGV[3] then return false end
local expires_at = math.min(now + tonumber(ARGV[6]), tonumber(job[3]))

redis.call('ZREMRANGEBYSCORE', tokens, '-inf', whole(now))
-- Before the new token is added, since the new one may be the first to expire.
redis.call('ZREMRANGEBYRANK', tokens, 0, -MAX_READ_TOKENS)
redis.call('ZADD', tokens, whole(expires_at), ARGV[4] .. ARGV[5])
redis.call('PEXPIRE', tokens, whole(math.max(redis.call('PTTL', tokens), expires_at - now)))
return whole(expires_at)
