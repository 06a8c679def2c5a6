-- Library: an owner's templates. For each version, the hash of a template has three fields: "content:<number>" with the
-- template and "head:<number>" with what lists show, both as JSON, and "at:<number>", when it was stored, in ms. The
-- field "last" is the highest number ever given. Names contain no colon; an owner may.

local function template_key(name, owner)
  return TEMPLATE .. name .. ':' .. owner
end

-- The numbers of all versions, in order.
local function version_numbers(key)
  local numbers = {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local number = string.match(field, '^at:(%d+)$')
    if number then numbers[#numbers + 1] = tonumber(number) end
  end
  table.sort(numbers)
  return numbers
end
