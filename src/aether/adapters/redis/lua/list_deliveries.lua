-- Lists an owner's deliveries, newest first. Needs index.lua and deliveries.lua.
--
-- ARGV: owner, status or '', job or '', how many are wanted, cursor or ''.
-- Returns {next cursor or false at the end, delivery…}, each delivery as {id, field, value…}. One call reads at most
-- MAX_MEMBERS members of the list, and removes those whose records have expired.
local MAX_MEMBERS = 200

local owner, status, job, wanted, start = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local list = job ~= '' and DELIVERIES_OF_JOB .. job or deliveries_key(owner, status ~= '' and status or 'all')
local newest = start == '' and '+' or '(' .. start
local keys = redis.call('ZRANGE', list, newest, '-', 'BYLEX', 'REV', 'LIMIT', 0, MAX_MEMBERS)

local page = {#keys == MAX_MEMBERS and keys[#keys]}
for _, key in ipairs(keys) do
  local record = DELIVERY .. id_of(key)
  local facts = redis.call('HMGET', record, 'owner', 'status')
  if not facts[1] then
    redis.call('ZREM', list, key)
  elseif facts[1] ~= owner then
    -- All deliveries of a job belong to one owner. Nobody else may learn how many there are, not even from the time
    -- that the answer takes.
    return {false}
  elseif status == '' or facts[2] == status then
    page[#page + 1] = {id_of(key), unpack(redis.call('HGETALL', record))}
    if #page > wanted then
      page[1] = key
      break
    end
  end
end
return page
