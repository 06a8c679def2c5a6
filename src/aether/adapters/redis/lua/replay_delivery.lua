-- Queues an attempt of an ended delivery at once, at the beginning of its retry schedule. Needs index.lua and
-- deliveries.lua. ARGV: delivery, payload.
-- Returns 0 if the delivery is gone. A pending one is left unchanged, as is one with a status of a newer version.
local delivery = ARGV[1]
local record = DELIVERY .. delivery
local stored = redis.call('HMGET', record, 'status', 'tried', 'owner')
if not stored[1] then return 0 end
if stored[1] ~= 'delivered' and stored[1] ~= 'dead' then return 1 end

redis.call('HSET', record, 'status', 'pending', 'begun', stored[2], 'next_at', whole(now_ms()))
update_delivery_lists(delivery, stored[1], 'pending', DELIVERY_MS)
enqueue(WEBHOOKS, attempt_id(delivery, stored[2] + 1), ARGV[2], DELIVERY_MS, 0, stored[3])
return 1
