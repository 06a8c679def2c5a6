-- Keeps a file of a job, in the place of one of the same name. ARGV: id, name, size, pieces…
-- Returns 0 if there is no such job (any more): nothing would ever delete its file.
local id, name = ARGV[1], ARGV[2]
local files = FILES .. id
local life = redis.call('PTTL', RECORD .. id)
if life <= 0 then return 0 end

local old = redis.call('HGET', files, 'size:' .. name)
for piece = 0, math.ceil(tonumber(old or 0) / PIECE) - 1 do
  redis.call('HDEL', files, piece .. ':' .. name)
end
for at = 4, #ARGV do
  redis.call('HSET', files, (at - 4) .. ':' .. name, ARGV[at])
end
redis.call('HSET', files, 'size:' .. name, ARGV[3])
redis.call('PEXPIRE', files, life)
return 1
