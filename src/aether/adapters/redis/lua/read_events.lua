-- Reads the events of a job that follow a version. ARGV: id, version.
-- Returns the record's version or false, then those of the record's fields that hold these events, and failed attempts that
-- they name, each followed by its value.
local record = RECORD .. ARGV[1]
local version = redis.call('HGET', record, 'version')
local found = {version}
local MAX_FIELDS = 1000

local function read(names)
  for first = 1, #names, MAX_FIELDS do
    local values = redis.call('HMGET', record, unpack(names, first, math.min(first + MAX_FIELDS - 1, #names)))
    for i, value in ipairs(values) do
      if value then found[#found + 1], found[#found + 2] = names[first + i - 1], value end
    end
  end
end

local events, attempts = {}, {}
for at = tonumber(ARGV[2]) + 1, tonumber(version or 0) do events[#events + 1] = EVENT_FIELD .. whole(at) end
read(events)
for i = 3, #found, 2 do
  for name in string.gmatch(found[i], '"field":"([^"]+)"') do attempts[#attempts + 1] = name end
end
read(attempts)
return found
