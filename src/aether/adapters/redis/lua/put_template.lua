-- Stores the next version of an owner's template, unless it equals the newest one. Needs template.lua.
-- ARGV: owner, name, content, head.
-- Returns {1 if it is new or 0, ms, numbers of all versions…}, the last of which is this one; or {'templates'} or
-- {'versions'} if there are as many of them as there may be.
local owner, name, content, head = unpack(ARGV, 1, 4)
local index, key = TEMPLATES .. owner, template_key(name, owner)
local newest = redis.call('HGET', index, name)
if newest and redis.call('HGET', key, 'content:' .. newest) == content then
  return {0, redis.call('HGET', key, 'at:' .. newest), unpack(version_numbers(key))}
end
if not newest and redis.call('HLEN', index) >= MAX_TEMPLATES then return {'templates'} end
local numbers = version_numbers(key)
if #numbers >= MAX_VERSIONS then return {'versions'} end
local number = redis.call('HINCRBY', key, 'last', 1)
local now = whole(now_ms())
redis.call('HSET', key, 'content:' .. number, content, 'head:' .. number, head, 'at:' .. number, now)
redis.call('PERSIST', key)
redis.call('HSET', index, name, number)
numbers[#numbers + 1] = number
return {1, now, unpack(numbers)}
