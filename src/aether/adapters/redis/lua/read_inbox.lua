-- Reads a page of an owner's inbox, oldest first. Needs inbox.lua.
--
-- ARGV: owner, id after which to begin, '1' for unread notifications only or '', page size, ttl in ms.
-- Returns {number of unread notifications, {notification, 1 if it is unread or 0}…}.
local inbox, unread = INBOX .. ARGV[1], UNREAD .. ARGV[1]
local oldest = oldest_kept(ARGV[5])

local first = whole(math.max(oldest, tonumber(ARGV[2]) + 1))
local source = ARGV[3] == '1' and unread or inbox
local page = {redis.call('ZCOUNT', unread, whole(oldest), '+inf')}
for _, entry in ipairs(redis.call('ZRANGE', source, first, '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[4])) do
  page[#page + 1] = {entry, redis.call('ZSCORE', unread, entry) and 1 or 0}
end
return page
