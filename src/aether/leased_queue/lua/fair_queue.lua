-- Whose turn it is. A score below CLOCK is a turn: the round, and behind the point the place in it. From CLOCK on it is
-- a time in ms, as arq has it: when a lease ends, or when what was put off is due.
--
-- A flow has one job in each round at most, so that flows take turns however much each of them asks for. Its first job
-- to wait comes in at the end of the round that is being served: behind one job of each other flow at most.

local function is_turn(score)
  return score and tonumber(score) < CLOCK
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

-- The latest round of which a job was taken. Nothing waits in those before, unless it was put back there.
local function served_round(queue)
  local noted = tonumber(redis.call('GET', ROUND .. queue) or 1)
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2]
  -- Rounds may be empty, and of those that arq's own worker serves nothing is noted.
  local round = is_turn(first) and math.max(noted, round_of(first) - 1) or noted
  if round > noted then serve_round(queue, round) end
  return round
end

-- The round behind the last of this flow's jobs; of those before the one that is served nothing need be known any more.
local function next_round(turns, served)
  local last = redis.call('ZRANGE', turns, -1, -1)[1]
  if not last then return served end
  redis.call('ZREMRANGEBYSCORE', turns, '-inf', '(' .. served)
  return math.max(last + 1, served)
end

-- Notes that a job of this flow comes in now, and returns its score.
local function take_turn(queue, flow)
  local turns = turns_of(queue, flow)
  local round = next_round(turns, served_round(queue))
  redis.call('ZADD', turns, round, round)
  redis.call('PEXPIRE', turns, TURNS_MS)
  local before = redis.call('ZRANGE', queue, '(' .. round + 1, round, 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')[2]
  return string.format('%.17g', before and before + 1 / PLACES or round)
end

-- A job that leaves while it waits gives its turn back: nothing else of its flow stands behind it any longer.
local function give_turn_back(queue, job_id, flow)
  local score = redis.call('ZSCORE', queue, job_id)
  if is_turn(score) then redis.call('ZREM', turns_of(queue, flow), round_of(score)) end
end
