-- Moves jobs of ours from the former queue into the queue; other programs have theirs there, too. Needs former_queue.lua.
--
-- ARGV: queue, rank of the first entry to look at, how many to look at.
-- Returns {how many jobs were moved, the rank of the next entry or -1 if there is none}.
local queue, start, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local moved = 0

-- The turn of a waiting job is one of the former queue. Jobs that come back or are deferred keep their time.
local function move(id, score, owner)
  leave_former_queue(id, owner)
  moved = moved + 1
  if redis.call('ZSCORE', queue, id) then return end
  redis.call('ZADD', queue, is_turn(score) and take_turn(queue, owner, first_score(queue)) or score, id)
end

-- While a lease is valid, a worker of an earlier version runs the job, and acknowledges it in the former queue.
local function move_if_free(id, score)
  local owner = redis.call('HGET', RECORD .. id, 'owner')
  if owner and redis.call('EXISTS', IN_PROGRESS .. id) == 0 then move(id, score, owner) end
end

-- By rank, waiting jobs come first, and the leases that end last come last.
local entries = redis.call('ZRANGE', FORMER_QUEUE, start, start + most - 1, 'WITHSCORES')
local records = {}
for i = 1, #entries, 2 do records[#records + 1] = RECORD .. entries[i] end
-- If all entries belong to others, one command says so.
if #records > 0 and redis.call('EXISTS', unpack(records)) > 0 then
  for i = 1, #entries, 2 do move_if_free(entries[i], entries[i + 1]) end
end
if moved > 0 then wake_worker(queue) end
return {moved, #records < most and -1 or start + most - moved}
