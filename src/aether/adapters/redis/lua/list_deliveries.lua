-- An owner's deliveries, newest first. Stands behind deliveries.lua.
--
-- ARGV: owner, status or '', job or '', how many are wanted, the position behind which to begin or ''.
-- Returns {the position to go on behind or false at the end, delivery…}, each delivery as {id, field, value…}. One call
-- looks at no more than LONGEST_LOOK entries; those whose records have expired it takes out.
local LONGEST_LOOK = 200

local owner, status, job, wanted, start = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local list = job ~= '' and DELIVERIES_OF_JOB .. job or deliveries_of(owner, status ~= '' and status or 'all')
local newest = start == '' and '+' or '(' .. start
local positions = redis.call('ZRANGE', list, newest, '-', 'BYLEX', 'REV', 'LIMIT', 0, LONGEST_LOOK)

local page = {#positions == LONGEST_LOOK and positions[#positions]}
for _, position in ipairs(positions) do
  local record = DELIVERY .. id_at(position)
  local facts = redis.call('HMGET', record, 'owner', 'status')
  if not facts[1] then
    redis.call('ZREM', list, position)
  elseif facts[1] ~= owner then
    -- All of a job's are one owner's. How many another has is not to be told, not even by the time that it takes.
    return {false}
  elseif status == '' or facts[2] == status then
    page[#page + 1] = {id_at(position), unpack(redis.call('HGETALL', record))}
    if #page > wanted then
      page[1] = position
      break
    end
  end
end
return page
