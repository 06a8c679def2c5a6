-- Takes entries out of those that are not acknowledged. Stands behind inbox.lua. ARGV: owner, ttl in ms, numbers…
-- Returns {how many were among them, how many are left}.
local unread, acknowledged = UNREAD .. ARGV[1], 0
drop_old(unread, ARGV[2])
for at = 3, #ARGV do
  acknowledged = acknowledged + redis.call('ZREMRANGEBYSCORE', unread, ARGV[at], ARGV[at])
end
return {acknowledged, redis.call('ZCARD', unread)}
