-- Loads a version of an owner's template. Needs template.lua.
-- ARGV: owner, name, number or '' for the newest.
-- Returns {content, ms, number, numbers of all versions…}; {} if there is no such version; nil if there is no template.
local owner, name, number = unpack(ARGV, 1, 3)
local key, newest = template_key(name, owner), redis.call('HGET', TEMPLATES .. owner, name)
if not newest then return false end
if number == '' then number = newest end
local version = redis.call('HMGET', key, 'content:' .. number, 'at:' .. number)
if not version[1] then return {} end
return {version[1], version[2], number, unpack(version_numbers(key))}
