-- Keeps a try of a delivery, and queues the next one: both or neither. Stands behind deliveries.lua.
--
-- ARGV: delivery, the try's number, the try, url, status, how long to wait for the next in ms or '', the next one's
-- payload, '1' to disable the endpoint of that url.
-- Returns 1, or 0 if another try is awaited, or none.
local delivery, number, url, status = ARGV[1], tonumber(ARGV[2]), ARGV[4], ARGV[5]
local record = DELIVERY .. delivery
local held = redis.call('HMGET', record, 'status', 'tried', 'owner')
if held[1] ~= 'pending' or tonumber(held[2]) + 1 ~= number then return 0 end

local wait = tonumber(ARGV[6])
redis.call('HSET', record, 'tried', number, 'try:' .. number, ARGV[3], 'url', url, 'status', status)
redis.call('HDEL', record, 'next_at', 'try:' .. (number - TRIES_KEPT))
if wait then
  redis.call('HSET', record, 'next_at', whole(now_ms() + wait))
  enqueue(WEBHOOKS, try_of(delivery, number + 1), ARGV[7], DELIVERY_MS, wait, held[3])
end
enlist_delivery(delivery, held[1], status, DELIVERY_MS + (wait or 0))
local endpoint = ENDPOINT .. held[3]
if ARGV[8] == '1' and redis.call('HGET', endpoint, 'url') == url then
  redis.call('HSET', endpoint, 'disabled_at', whole(now_ms()))
end
return 1
