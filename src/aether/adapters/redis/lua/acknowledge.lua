-- Removes notifications from the unread set. Needs inbox.lua. ARGV: owner, ttl in ms, ids…
-- Returns {how many of them were unread, how many unread ones are left}.
local unread, acknowledged = UNREAD .. ARGV[1], 0
drop_old(unread, ARGV[2])
for i = 3, #ARGV do
  acknowledged = acknowledged + redis.call('ZREMRANGEBYSCORE', unread, ARGV[i], ARGV[i])
end
return {acknowledged, redis.call('ZCARD', unread)}
