-- Adds a read token to those of an owner's job. ARGV: id, kind, owner, SHA-256 of the token, its reader as JSON, ms to live.
-- Returns when it ends, in ms, or nil if the owner has no such job (any more), whose record no token outlives.
local tokens, now = READ_TOKENS .. ARGV[1], now_ms()
local held = redis.call('HMGET', RECORD .. ARGV[1], 'kind', 'owner', 'expires_at')
if held[1] ~= ARGV[2] or held[2] ~= ARGV[3] then return false end
local ends = math.min(now + tonumber(ARGV[6]), tonumber(held[3]))

redis.call('ZREMRANGEBYSCORE', tokens, '-inf', whole(now))
-- Before it comes in: it may well be the one that ends first.
redis.call('ZREMRANGEBYRANK', tokens, 0, -READ_TOKENS_KEPT)
redis.call('ZADD', tokens, whole(ends), ARGV[4] .. ARGV[5])
redis.call('PEXPIRE', tokens, whole(math.max(redis.call('PTTL', tokens), ends - now)))
return whole(ends)
