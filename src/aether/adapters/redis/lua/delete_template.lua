-- Deletes a version of an owner's template, or all of it. Needs template.lua.
-- ARGV: owner, name, number or ''. Returns 1, or 0 if there is no such version.
-- The highest number is kept for a while, so that no number soon stands for another template.
local owner, name, number = unpack(ARGV, 1, 3)
local index, key = TEMPLATES .. owner, template_key(name, owner)
if redis.call('HEXISTS', index, name) == 0 then return 0 end
if number ~= '' then
  if redis.call('HDEL', key, 'content:' .. number, 'head:' .. number, 'at:' .. number) == 0 then return 0 end
  local numbers = version_numbers(key)
  if #numbers > 0 then
    redis.call('HSET', index, name, numbers[#numbers])
    return 1
  end
end
local last = redis.call('HGET', key, 'last')
redis.call('HDEL', index, name)
redis.call('DEL', key)
redis.call('HSET', key, 'last', last)
redis.call('PEXPIRE', key, RETIRED_MS)
return 1
