-- Lists the newest version of each of an owner's templates, as {name, number, ms, head}. Needs template.lua.
-- ARGV: owner.
local found = {}
local index = redis.call('HGETALL', TEMPLATES .. ARGV[1])
for i = 1, #index, 2 do
  local name, number = index[i], index[i + 1]
  local version = redis.call('HMGET', template_key(name, ARGV[1]), 'at:' .. number, 'head:' .. number)
  found[#found + 1] = {name, number, version[1], version[2]}
end
return found
