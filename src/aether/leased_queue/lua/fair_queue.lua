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

-- The latest round of which a job was claimed. No job waits in an earlier one, unless it was put back there.
local function served_round(queue)
  local stored = tonumber(redis.call('GET', ROUND .. queue) or 1)
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2]
  -- Rounds may be empty, and arq's own worker does not store which one it serves.
  local round = is_turn(first) and math.max(stored, round_of(first) - 1) or stored
  if round > stored then serve_round(queue, round) end
  return round
end

-- The round after the one of the flow's last job. Forgets the rounds before the served one.
local function next_round(turns, served)
  local last = redis.call('ZRANGE', turns, -1, -1)[1]
  if not last then return served end
  redis.call('ZREMRANGEBYSCORE', turns, '-inf', '(' .. served)
  return math.max(last + 1, served)
end

-- Gives the next job of this flow its turn, and returns the score.
local function take_turn(queue, flow)
  local turns = turns_of(queue, flow)
  local round = next_round(turns, served_round(queue))
  redis.call('ZADD', turns, round, round)
  redis.call('PEXPIRE', turns, TURNS_MS)
  local before = redis.call('ZRANGE', queue, '(' .. round + 1, round, 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')[2]
  return string.format('%.17g', before and before + 1 / PLACES_PER_ROUND or round)
end

-- Frees the turn of a job that leaves while it waits: no later job of its flow needs it.
local function give_turn_back(queue, job_id, flow)
  local score = redis.call('ZSCORE', queue, job_id)
  if is_turn(score) then redis.call('ZREM', turns_of(queue, flow), round_of(score)) end
end
