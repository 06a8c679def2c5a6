-- Deletes all data of a job: its keys, read tokens, deliveries, idempotency key, and its entries in index and inbox.
-- Needs index.lua, inbox.lua, deliveries.lua and former_queue.lua.
-- ARGV: id, queue.
local id = ARGV[1]
local record = RECORD .. id
withdraw_everywhere(ARGV[2], id, redis.call('HGET', record, 'owner'))
remove_from_index(record, id)
delete_notifications(record)
delete_deliveries(id)
local key = redis.call('HGET', record, 'once')
-- If Redis lost the key, it may belong to another job by now.
if key and redis.call('HGET', IDEMPOTENCY .. key, 'job') == id then redis.call('DEL', IDEMPOTENCY .. key) end
redis.call('DEL', record, EVENT_STREAM .. id, FILES .. id, READ_TOKENS .. id)
redis.call('DEL', DEAD_LETTER .. id, RESULT .. id)
-- Higher than the epoch of any run.
redis.call('PUBLISH', FENCES, id .. ' ' .. '9007199254740991')
redis.call('PUBLISH', CHANGES .. id, 0)
return 1
