-- Records an attempt of a delivery and queues the next one, both or neither. Needs index.lua and deliveries.lua.
--
-- ARGV: delivery, number of the attempt, the attempt as JSON, url, the delivery's new status, ms until the next attempt
-- or '', payload of its queue entry, '1' to disable the owner's endpoint with this url.
-- Returns 1, or 0 if this is not the next attempt, or none is expected.
local delivery, number, url, status = ARGV[1], tonumber(ARGV[2]), ARGV[4], ARGV[5]
local record = DELIVERY .. delivery
local stored = redis.call('HMGET', record, 'status', 'tried', 'owner')
if stored[1] ~= 'pending' or tonumber(stored[2]) + 1 ~= number then return 0 end

local wait = tonumber(ARGV[6])
redis.call('HSET', record, 'tried', number, 'try:' .. number, ARGV[3], 'url', url, 'status', status)
redis.call('HDEL', record, 'next_at', 'try:' .. (number - MAX_ATTEMPTS))
if wait then
  redis.call('HSET', record, 'next_at', whole(now_ms() + wait))
  enqueue(WEBHOOKS, attempt_id(delivery, number + 1), ARGV[7], DELIVERY_MS, wait, stored[3])
end
update_delivery_lists(delivery, stored[1], status, DELIVERY_MS + (wait or 0))
local endpoint = ENDPOINT .. stored[3]
if ARGV[8] == '1' and redis.call('HGET', endpoint, 'url') == url then
  redis.call('HSET', endpoint, 'disabled_at', whole(now_ms()))
end
return 1
