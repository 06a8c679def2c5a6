-- Takes a token from an owner's bucket: {1, or 0 if there is none, tokens left, time until one more, time until full}.
-- ARGV: owner, tokens in a full bucket, time from one token to the next; times are microseconds.
-- A bucket is kept as the time at which it is full (GCRA's theoretical arrival time): it fills without being touched,
-- and its key is gone when it is full.
local bucket, interval = BUCKET .. ARGV[2] .. ':' .. ARGV[3] .. ':' .. ARGV[1], tonumber(ARGV[3])
local to_fill = tonumber(ARGV[2]) * interval
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local function keep(full_in)
  redis.call('SET', bucket, whole(now + full_in), 'PX', whole(math.ceil(full_in / 1000)))
  return full_in
end

local full_in = math.max(tonumber(redis.call('GET', bucket) or 0) - now, 0)
-- No bucket is emptier than empty: the clock was set back.
if full_in > to_fill then full_in = keep(to_fill) end
local granted = full_in + interval <= to_fill
if granted then full_in = keep(full_in + interval) end

local filled = to_fill - full_in
local left = math.floor(filled / interval)
return {granted and 1 or 0, left, (left + 1) * interval - filled, full_in}
