-- Queues a delivery that has ended for a try at once, at the beginning of its schedule. Stands behind deliveries.lua.
-- ARGV: delivery, payload. Returns 0 if it is gone; one that is still to be tried is left as it is, and so is one with a
-- status that only a newer version knows.
local delivery = ARGV[1]
local record = DELIVERY .. delivery
local held = redis.call('HMGET', record, 'status', 'tried', 'owner')
if not held[1] then return 0 end
if held[1] ~= 'delivered' and held[1] ~= 'dead' then return 1 end

redis.call('HSET', record, 'status', 'pending', 'begun', held[2], 'next_at', whole(now_ms()))
enlist_delivery(delivery, held[1], 'pending', DELIVERY_MS)
enqueue(WEBHOOKS, try_of(delivery, held[2] + 1), ARGV[2], DELIVERY_MS, 0, held[3])
return 1
