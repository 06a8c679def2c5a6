-- Library: indexes of an owner's jobs, one for each kind and status.
--
-- An index is a sorted set of sort keys: the job's creation time in milliseconds, then its id. All scores are 0, so
-- members are ordered by their bytes, the oldest first. Kinds and statuses contain no colon; an owner may.

local function index_key(kind, status, owner)
  return INDEX .. kind .. ':' .. status .. ':' .. owner
end

local function sort_key(created_at, id)
  return string.format('%015.0f:', created_at) .. id
end

local function created_at(key)
  return tonumber(string.sub(key, 1, 15))
end

local function id_of(key)
  return string.sub(key, 17)
end

-- An index lives as long as the record that lives longest; another process may use a longer time to live.
local function extend_ttl(index, ttl)
  if redis.call('PTTL', index) < ttl + SLACK_MS then redis.call('PEXPIRE', index, ttl + INDEX_SLACK_MS) end
end

-- Removes members at the old end whose records, with this key prefix, have expired. Each call adds one member, with this
-- id, and about one id in PRUNE_EVERY has twice as many looked at, so expired members cannot pile up.
local function prune(index, prefix, id)
  if (string.byte(id, 1) + string.byte(id, -1)) % PRUNE_EVERY ~= 0 then return end
  local members, records = redis.call('ZRANGE', index, 0, 2 * PRUNE_EVERY - 1), {}
  for i, key in ipairs(members) do records[i] = prefix .. id_of(key) end
  if redis.call('EXISTS', unpack(records)) == #members then return end
  for i, key in ipairs(members) do
    if redis.call('EXISTS', records[i]) == 0 then redis.call('ZREM', index, key) end
  end
end

-- Moves a job to the index of its new status; `old_status` is false for a new job.
local function update_index(job, id, old_status, status, ttl)
  local index, key = index_key(job.kind, status, job.owner), sort_key(job.created_at, id)
  if old_status then redis.call('ZREM', index_key(job.kind, old_status, job.owner), key) end
  redis.call('ZADD', index, 0, key)
  prune(index, RECORD, id)
  extend_ttl(index, ttl)
end

-- If the record has expired, the member stays until a reader finds it.
local function remove_from_index(record, id)
  local job = redis.call('HMGET', record, 'kind', 'status', 'owner', 'created_at')
  if job[1] then redis.call('ZREM', index_key(job[1], job[2], job[3]), sort_key(job[4], id)) end
end

local function total_size(indexes)
  local size = 0
  for _, index in ipairs(indexes) do size = size + redis.call('ZCARD', index) end
  return size
end

-- Removes members created up to this time whose records have expired.
local function prune_up_to(index, time)
  for _, key in ipairs(redis.call('ZRANGE', index, '-', '(' .. sort_key(time + 1, ''), 'BYLEX')) do
    if redis.call('EXISTS', RECORD .. id_of(key)) == 0 then redis.call('ZREM', index, key) end
  end
end

-- Whether `max` of the owner's jobs, of all kinds, wait or run. `oldest` is one time to live ago: no job created later
-- can have expired.
local function has_max_jobs(owner, max, oldest)
  local indexes = {}
  for kind in string.gmatch(KINDS, '%S+') do
    indexes[#indexes + 1] = index_key(kind, 'pending', owner)
    indexes[#indexes + 1] = index_key(kind, 'processing', owner)
  end
  if total_size(indexes) < max then return false end
  for _, index in ipairs(indexes) do prune_up_to(index, oldest) end
  return total_size(indexes) >= max
end
