-- Writes a file of a job, replacing one of the same name. ARGV: id, name, size, pieces…
-- Returns 0 and writes nothing if the job does not exist (any more): nothing would ever delete the file.
local id, name = ARGV[1], ARGV[2]
local files = FILES .. id
local life = redis.call('PTTL', RECORD .. id)
if life <= 0 then return 0 end

local old_size = redis.call('HGET', files, 'size:' .. name)
for piece = 0, math.ceil(tonumber(old_size or 0) / PIECE_BYTES) - 1 do
  redis.call('HDEL', files, piece .. ':' .. name)
end
for i = 4, #ARGV do
  redis.call('HSET', files, (i - 4) .. ':' .. name, ARGV[i])
end
redis.call('HSET', files, 'size:' .. name, ARGV[3])
redis.call('PEXPIRE', files, life + SLACK_MS)
redis.call('HSET', RECORD .. id, 'files', '1')
return 1
