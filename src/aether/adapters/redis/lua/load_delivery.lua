-- A delivery as {field, value…}; empty if there is none, or if an owner is named whose it is not. ARGV: id, owner or none.
local record = DELIVERY .. ARGV[1]
if ARGV[2] and redis.call('HGET', record, 'owner') ~= ARGV[2] then return {} end
return redis.call('HGETALL', record)
