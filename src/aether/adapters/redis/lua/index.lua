-- The lists of an owner's jobs, one for each kind and status. Stands before the scripts that use it.
--
-- A list is a sorted set of positions: when the job was created, in milliseconds, then its id. All have score 0, so that
-- they stand in the order of their bytes, the oldest first. A kind or status has no colon in it; an owner may have.

local function index_of(kind, status, owner)
  return INDEX .. kind .. ':' .. status .. ':' .. owner
end

local function position_of(created_at, id)
  return string.format('%015.0f:', created_at) .. id
end

local function created_at(position)
  return tonumber(string.sub(position, 1, 15))
end

local function id_at(position)
  return string.sub(position, 17)
end

-- A list lives as long as the record that lives longest; another process may have a longer time to live.
local function prolong(index, ttl)
  local life = ttl + INDEX_SLACK_MS
  if redis.call('PTTL', index) < life then redis.call('PEXPIRE', index, life) end
end

-- Takes out those of the oldest two whose records, behind this prefix, have expired: more than came in, so they cannot
-- pile up.
local function prune(index, records)
  for _, position in ipairs(redis.call('ZRANGE', index, 0, 1)) do
    if redis.call('EXISTS', records .. id_at(position)) == 0 then redis.call('ZREM', index, position) end
  end
end

-- Puts a job where it belongs now; `was` is its status before, or false if it is new.
local function enlist(record, id, was, status, ttl)
  local job = redis.call('HMGET', record, 'kind', 'owner', 'created_at')
  local index, position = index_of(job[1], status, job[2]), position_of(job[3], id)
  if was then redis.call('ZREM', index_of(job[1], was, job[2]), position) end
  redis.call('ZADD', index, 0, position)
  prune(index, RECORD)
  prolong(index, ttl)
  redis.call('SADD', INDEXES, job[1] .. ':' .. status)
end

-- The kind and the status of each index in use, some of which only newer versions know.
local function indexes_in_use()
  local found = {}
  for _, name in ipairs(redis.call('SMEMBERS', INDEXES)) do
    local kind, status = string.match(name, '^(.*):(.*)$')
    if kind then found[#found + 1] = {kind = kind, status = status} end
  end
  return found
end

local function words_in(text)
  local words = {}
  for word in string.gmatch(text, '%S+') do words[word] = true end
  return words
end

-- Takes a job out; one whose record is gone stays until it is found to be.
local function delist(record, id)
  local job = redis.call('HMGET', record, 'kind', 'status', 'owner', 'created_at')
  if job[1] then redis.call('ZREM', index_of(job[1], job[2], job[3]), position_of(job[4], id)) end
end

local function size_of(lists)
  local size = 0
  for _, index in ipairs(lists) do size = size + redis.call('ZCARD', index) end
  return size
end

-- Takes out those that were created up to then and whose records have expired.
local function drop_expired(index, up_to)
  for _, position in ipairs(redis.call('ZRANGE', index, '-', '(' .. position_of(up_to + 1, ''), 'BYLEX')) do
    if redis.call('EXISTS', RECORD .. id_at(position)) == 0 then redis.call('ZREM', index, position) end
  end
end

-- Whether as many of an owner's jobs wait or run as may, of all kinds. `oldest` is one time to live ago: no record of a
-- job that was created later has expired.
local function is_crowded(owner, most, oldest)
  local lists, kinds = {}, words_in(KINDS)
  for _, index in ipairs(indexes_in_use()) do kinds[index.kind] = true end
  for kind in pairs(kinds) do
    lists[#lists + 1] = index_of(kind, 'pending', owner)
    lists[#lists + 1] = index_of(kind, 'processing', owner)
  end
  if size_of(lists) < most then return false end
  for _, index in ipairs(lists) do drop_expired(index, oldest) end
  return size_of(lists) >= most
end
