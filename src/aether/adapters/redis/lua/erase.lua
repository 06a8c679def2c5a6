-- Deletes every key of a job. ARGV: id, queue.
local id = ARGV[1]
withdraw(ARGV[2], id)
redis.call('DEL', RECORD .. id, EVENTS .. id, CONDEMNED .. id, RESULT .. id)
-- No run has an epoch as high as this.
redis.call('PUBLISH', FENCES, id .. ' ' .. '9007199254740991')
redis.call('PUBLISH', CHANGES .. id, 0)
return 1
