-- Library: an owner's inbox, with a notification for each end of a job.
--
-- Two sorted sets hold notifications by id: all of them, and the unread ones. A member of a set is
-- "<notification id>:<time in ms>:<kind>:<status>:<version>:<job id>"; only the job id may contain a colon.

local function is_end(status)
  return status == 'completed' or status == 'failed' or status == 'cancelled'
end

-- Notification ids are the server's time in microseconds, so that an id also tells the age.
local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function oldest_kept(ttl_ms)
  return now_us() - tonumber(ttl_ms) * 1000
end

-- Greater than all earlier ids, even if the clock was set back.
local function next_notification_id(inbox)
  local latest = redis.call('ZRANGE', inbox, -1, -1)[1]
  return math.max(now_us(), latest and tonumber(string.match(latest, '^%d+')) + 1 or 0)
end

local function drop_old(inbox, ttl_ms)
  redis.call('ZREMRANGEBYSCORE', inbox, '-inf', '(' .. whole(oldest_kept(ttl_ms)))
end

-- Notifies the owner that the job has ended. The record keeps the notification's id, so that both are deleted together.
local function notify(record, id, status, version, now, ttl_ms)
  local job = redis.call('HMGET', record, 'kind', 'owner', 'notified')
  local owner, notification_id = job[2], whole(next_notification_id(INBOX .. job[2]))
  local entry = table.concat({notification_id, whole(now), job[1], status, whole(version), id}, ':')
  for _, inbox in ipairs({INBOX .. owner, UNREAD .. owner}) do
    drop_old(inbox, ttl_ms)
    redis.call('ZADD', inbox, notification_id, entry)
    redis.call('PEXPIRE', inbox, ttl_ms)
  end
  redis.call('HSET', record, 'notified', (job[3] or '') .. ' ' .. notification_id)
  redis.call('PUBLISH', ARRIVALS .. owner, notification_id)
end

local function delete_notifications(record)
  local job = redis.call('HMGET', record, 'owner', 'notified')
  for notification_id in string.gmatch(job[2] or '', '%d+') do
    redis.call('ZREMRANGEBYSCORE', INBOX .. job[1], notification_id, notification_id)
    redis.call('ZREMRANGEBYSCORE', UNREAD .. job[1], notification_id, notification_id)
  end
end
