-- Takes a token from an owner's bucket.
-- ARGV: owner, tokens in a full bucket, time per token. Times are in microseconds.
-- Returns {1, or 0 if there was no token; tokens left; time until the next token; time until the bucket is full}.
-- A bucket is stored as the time at which it will be full (GCRA's theoretical arrival time). So it fills without being
-- touched, and its key expires when it is full.
local bucket, interval = BUCKET .. ARGV[2] .. ':' .. ARGV[3] .. ':' .. ARGV[1], tonumber(ARGV[3])
local fill_time = tonumber(ARGV[2]) * interval
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local function store(full_in)
  redis.call('SET', bucket, whole(now + full_in), 'PX', whole(math.ceil(full_in / 1000)))
  return full_in
end

local full_in = math.max(tonumber(redis.call('GET', bucket) or 0) - now, 0)
-- If the clock was set back, the bucket counts as empty.
if full_in > fill_time then full_in = store(fill_time) end
local granted = full_in + interval <= fill_time
if granted then full_in = store(full_in + interval) end

local filled = fill_time - full_in
local left = math.floor(filled / interval)
return {granted and 1 or 0, left, (left + 1) * interval - filled, full_in}
