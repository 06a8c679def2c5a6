-- Returns a delivery as {field, value…}; empty if there is none, or if it does not belong to the given owner.
-- ARGV: id, owner (optional).
local record = DELIVERY .. ARGV[1]
if ARGV[2] and redis.call('HGET', record, 'owner') ~= ARGV[2] then return {} end
return redis.call('HGETALL', record)
