-- A page of an owner's inbox, the oldest first. Stands behind inbox.lua.
--
-- ARGV: owner, number to begin behind, '1' for only what is not acknowledged or '', longest page, ttl in ms.
-- Returns {how many are not acknowledged, {entry, 1 if it is not acknowledged or 0}…}.
local inbox, unread = INBOX .. ARGV[1], UNREAD .. ARGV[1]
local oldest = oldest_kept(ARGV[5])

local first = whole(math.max(oldest, tonumber(ARGV[2]) + 1))
local wanted = ARGV[3] == '1' and unread or inbox
local page = {redis.call('ZCOUNT', unread, whole(oldest), '+inf')}
for _, entry in ipairs(redis.call('ZRANGE', wanted, first, '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[4])) do
  page[#page + 1] = {entry, redis.call('ZSCORE', unread, entry) and 1 or 0}
end
return page
