-- The inbox of an owner: an entry for each end of a job. Stands before the scripts that use it.
--
-- Two sorted sets of the same entries, all of them and those that are not acknowledged; the score is the entry's number.
-- An entry is its number, when that was in milliseconds, kind, status, version and id of the job, with colons between.
-- Of these only the last may have a colon in it.

local function is_end(status)
  return status == 'completed' or status == 'failed' or status == 'cancelled'
end

-- Numbers are the server's time in microseconds, so that those that are too old are known by them.
local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function oldest_kept(ttl_ms)
  return now_us() - tonumber(ttl_ms) * 1000
end

-- Greater than all before, even if the clock was set back.
local function next_number(inbox)
  local newest = redis.call('ZRANGE', inbox, -1, -1)[1]
  return math.max(now_us(), newest and tonumber(string.match(newest, '^%d+')) + 1 or 0)
end

local function drop_old(inbox, ttl_ms)
  redis.call('ZREMRANGEBYSCORE', inbox, '-inf', '(' .. whole(oldest_kept(ttl_ms)))
end

-- Tells the owner that the job has ended. The record notes the number, so that the entry can be erased with the job.
local function notify(record, id, status, version, now, ttl_ms)
  local job = redis.call('HMGET', record, 'kind', 'owner', 'notified')
  local owner, number = job[2], whole(next_number(INBOX .. job[2]))
  local entry = table.concat({number, whole(now), job[1], status, whole(version), id}, ':')
  for _, inbox in ipairs({INBOX .. owner, UNREAD .. owner}) do
    drop_old(inbox, ttl_ms)
    redis.call('ZADD', inbox, number, entry)
    redis.call('PEXPIRE', inbox, ttl_ms)
  end
  redis.call('HSET', record, 'notified', (job[3] or '') .. ' ' .. number)
  redis.call('PUBLISH', ARRIVALS .. owner, number)
end

-- Takes out what was told of the job.
local function forget(record)
  local job = redis.call('HMGET', record, 'owner', 'notified')
  for number in string.gmatch(job[2] or '', '%d+') do
    redis.call('ZREMRANGEBYSCORE', INBOX .. job[1], number, number)
    redis.call('ZREMRANGEBYSCORE', UNREAD .. job[1], number, number)
  end
end
