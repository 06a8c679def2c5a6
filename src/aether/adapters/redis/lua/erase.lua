-- Deletes every key of a job, its read tokens, its webhooks, the idempotency key that it stands for, and its entries in a
-- list and an inbox. Stands behind index.lua, inbox.lua and deliveries.lua.
-- ARGV: id, queue.
local id = ARGV[1]
withdraw(ARGV[2], id)
delist(RECORD .. id, id)
forget(RECORD .. id)
forget_deliveries(id)
local key = redis.call('HGET', RECORD .. id, 'once')
-- Where Redis has lost it, it may stand for another job by now.
if key and redis.call('HGET', ONCE .. key, 'job') == id then redis.call('DEL', ONCE .. key) end
redis.call('DEL', RECORD .. id, EVENTS .. id, FILES .. id, READ_TOKENS .. id, CONDEMNED .. id, RESULT .. id)
-- No run has an epoch as high as this.
redis.call('PUBLISH', FENCES, id .. ' ' .. '9007199254740991')
redis.call('PUBLISH', CHANGES .. id, 0)
return 1
