-- Lists an owner's jobs, newest first. Needs index.lua.
--
-- ARGV: owner, kind, how many jobs are wanted, cursor or '', '1' to include jobs with a status of a newer version or '',
-- statuses…
-- Returns {next cursor or false at the end, job…}, each job as {id, status, input, version, finished steps, all steps,
-- created_at, updated_at, expires_at}. One call reads at most MAX_MEMBERS members of the indexes, so there may be fewer
-- jobs than wanted before the end. It removes members that are out of date, so that the next call has less to read.
local READ_SIZE, MAX_MEMBERS = 50, 1000

local owner, kind, wanted, start = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local with_unknown, known = ARGV[5] == '1', {}
for status in string.gmatch(STATUSES, '%S+') do known[status] = true end

local function read(list, after)
  local newest = after == '' and '+' or '(' .. after
  list.keys = redis.call('ZRANGE', list.index, newest, '-', 'BYLEX', 'REV', 'LIMIT', 0, READ_SIZE)
  list.at = 1
end

local function head(list)
  return list.keys[list.at]
end

local function take(list)
  local key = head(list)
  list.at = list.at + 1
  if list.at > READ_SIZE then read(list, key) end
  return key
end

-- Not by `<`, which compares strings by the server's locale, while sorted sets compare bytes.
local function is_newer(one, other)
  local here, there = created_at(one), created_at(other)
  local i = 16
  while here == there and i < #one do
    i = i + 1
    here, there = string.byte(one, i), string.byte(other, i) or -1
  end
  return here > there
end

local function newest_of(lists)
  local newest
  for _, list in ipairs(lists) do
    if head(list) and (not newest or is_newer(head(list), head(newest))) then newest = list end
  end
  return newest
end

-- The job, unless its record has expired, has another status, or belongs to a later job with the same id. Also returns
-- whether the member is to stay: a status of a newer version counts as right in every index, since only that version
-- knows to which one it belongs, but such jobs are listed only among those of all statuses.
local function job_at(key, status)
  local id = id_of(key)
  local job = redis.call(
    'HMGET', RECORD .. id, 'status', 'input', 'version', 'finished', 'total', 'created_at', 'updated_at', 'expires_at'
  )
  local is_unknown = job[1] and not known[job[1]]
  if not (job[1] == status or is_unknown) or sort_key(job[6], id) ~= key then return nil, false end
  return (with_unknown or not is_unknown) and {id, unpack(job)}, true
end

local lists = {}
for i = 6, #ARGV do
  lists[i - 5] = {status = ARGV[i], index = index_key(kind, ARGV[i], owner)}
  read(lists[i - 5], start)
end

local page, key = {false}, start
for _ = 1, MAX_MEMBERS do
  local list = newest_of(lists)
  if not list then return page end
  key = take(list)
  local job, stays = job_at(key, list.status)
  if job then page[#page + 1] = job end
  if not stays then redis.call('ZREM', list.index, key) end
  if #page > wanted then break end
end
page[1] = key
return page
