-- An owner's jobs, newest first. Stands behind index.lua.
--
-- ARGV: owner, kind, how many jobs are wanted, the position behind which to begin or '', '1' for jobs with statuses that
-- this version does not know, too, or '', statuses…
-- Returns {the position to go on behind or false at the end, job…}, each job as {id, status, input, version, finished
-- steps, all steps, created_at, updated_at, expires_at}. There may be fewer than wanted before the end is reached: one
-- call looks at no more than LONGEST_LOOK entries. Those that are no longer true it takes out, so the next has less to do.
local READ_AT_ONCE, LONGEST_LOOK = 50, 1000

local owner, kind, wanted, start = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local known = words_in(STATUSES)

local function read(list, behind)
  local newest = behind == '' and '+' or '(' .. behind
  list.entries = redis.call('ZRANGE', list.index, newest, '-', 'BYLEX', 'REV', 'LIMIT', 0, READ_AT_ONCE)
  list.at = 1
end

local function head(list)
  return list.entries[list.at]
end

local function take(list)
  local position = head(list)
  list.at = list.at + 1
  if list.at > READ_AT_ONCE then read(list, position) end
  return position
end

-- Not by `<`: it compares strings in the order of the server's locale, which need not be that of the bytes.
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

-- The job, unless its record has expired or is not the one that was listed here. In which lists a status belongs that
-- only a newer version knows is for that version to say.
local function job_at(position, status)
  local id = id_at(position)
  local job = redis.call(
    'HMGET', RECORD .. id, 'status', 'input', 'version', 'finished', 'total', 'created_at', 'updated_at', 'expires_at'
  )
  local belongs = job[1] == status or (job[1] and not known[job[1]])
  if belongs and position_of(job[6], id) == position then return {id, unpack(job)} end
end

local lists = {}
local function add_list(status)
  lists[#lists + 1] = {status = status, index = index_of(kind, status, owner)}
  read(lists[#lists], start)
end

for i = 6, #ARGV do add_list(ARGV[i]) end
if ARGV[5] == '1' then
  for _, index in ipairs(indexes_in_use()) do
    if index.kind == kind and not known[index.status] then add_list(index.status) end
  end
end

local page, position = {false}, start
for _ = 1, LONGEST_LOOK do
  local list = newest_of(lists)
  if not list then return page end
  position = take(list)
  local job = job_at(position, list.status)
  if job then page[#page + 1] = job else redis.call('ZREM', list.index, position) end
  if #page > wanted then break end
end
page[1] = position
return page
