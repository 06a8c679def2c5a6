-- Fair queue: the score of a job. Below FIRST_TIMESTAMP it is a turn: the round, and as the fraction the place in the
-- round. From there on it is a time in ms, as in arq: when a lease expires, or when a deferred job is due.
--
-- A flow has at most one job in each round, so flows take turns however many jobs each of them has. The first job of a
-- flow goes to the end of the round that is being served: behind at most one job of each other flow.

local function is_turn(score)
  return score and tonumber(score) < FIRST_TIMESTAMP
end

local function round_of(turn)
  return math.floor(tonumber(turn))
end

local function turns_of(queue, flow)
  return TURNS .. queue .. ':' .. (flow or '')
end

local function serve_round(queue, round)
  redis.call('SET', ROUND .. queue, string.format('%.0f', round), 'PX', TURNS_MS)
end

-- The lowest score in the queue: a turn if any job waits that has one.
local function first_score(queue)
  return redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2]
end

-- The latest round of which a job was claimed. No job waits in an earlier one, unless it was put back there.
local function served_round(queue, first)
  local stored = tonumber(redis.call('GET', ROUND .. queue) or 1)
  -- Rounds may be empty, and arq's own worker does not store which one it serves.
  local round = is_turn(first) and math.max(stored, round_of(first) - 1) or stored
  if round > stored then serve_round(queue, round) end
  return round
end

-- Gives the next job of this flow its turn, and returns the score. `first` is the first score in the queue.
--
-- The job goes to the round after the one of the flow's last job. Every TURNS_KEPT rounds, those before the served one are
-- forgotten, and the time to live is extended.
local function take_turn(queue, flow, first)
  local turns, served = turns_of(queue, flow), served_round(queue, first)
  local last = redis.call('ZRANGE', turns, -1, -1)[1]
  local round = last and math.max(last + 1, served) or served
  redis.call('ZADD', turns, round, round)
  if math.floor((last or -1) / TURNS_KEPT) ~= math.floor(round / TURNS_KEPT) then
    if last then redis.call('ZREMRANGEBYSCORE', turns, '-inf', '(' .. served) end
    redis.call('PEXPIRE', turns, TURNS_MS)
  end
  local before = is_turn(first)
    and redis.call('ZRANGE', queue, '(' .. round + 1, round, 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')[2]
  return string.format('%.17g', before and before + 1 / PLACES_PER_ROUND or round)
end

-- Frees the turn of a job that leaves while it waits: no later job of its flow needs it.
local function give_turn_back(queue, job_id, flow)
  local score = redis.call('ZSCORE', queue, job_id)
  if is_turn(score) then redis.call('ZREM', turns_of(queue, flow), round_of(score)) end
end
