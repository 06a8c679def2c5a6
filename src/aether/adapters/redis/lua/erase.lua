-- Deletes every key of a job, its webhooks, and its entries in a list and an inbox. Stands behind index.lua, inbox.lua
-- and deliveries.lua.
-- ARGV: id, queue.
local id = ARGV[1]
withdraw(ARGV[2], id)
delist(RECORD .. id, id)
forget(RECORD .. id)
forget_deliveries(id)
redis.call('DEL', RECORD .. id, EVENTS .. id, FILES .. id, CONDEMNED .. id, RESULT .. id)
-- No run has an epoch as high as this.
redis.call('PUBLISH', FENCES, id .. ' ' .. '9007199254740991')
redis.call('PUBLISH', CHANGES .. id, 0)
return 1
