-- Returns the caller of a job's read token, as JSON, or nil if there is no such token (any more).
-- ARGV: id, SHA-256 of the token.
for _, token in ipairs(redis.call('ZRANGEBYSCORE', READ_TOKENS .. ARGV[1], '(' .. whole(now_ms()), '+inf')) do
  if string.sub(token, 1, #ARGV[2]) == ARGV[2] then return string.sub(token, #ARGV[2] + 1) end
end
return false
