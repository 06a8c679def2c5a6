-- Library: an owner's inbox, with a notification for each end of a job.
--
-- Two sorted sets hold notifications by id: all of them, and the unread ones. A member of a set is
-- "<notification id>:<time in ms>:<kind>:<status>:<version>:<job id>"; only the job id may contain a colon.

local function is_end(status)
  return status == 'completed' or status == 'failed' or status == 'cancelled'
end

-- Notification ids are the server's time in microseconds, so that an id also tells the age.
local function oldest_kept(ttl_ms)
  return now_us() - tonumber(ttl_ms) * 1000
end

local function drop_old(inbox, ttl_ms)
  redis.call('ZREMRANGEBYSCORE', inbox, '-inf', '(' .. whole(oldest_kept(ttl_ms)))
end

-- Notifies the owner that the job has ended. Returns the notification's id, which the record keeps, so that both are
-- deleted together. Old notifications are dropped, and the time to live is extended, once in an hour.
local function notify(job, id, status, version, ttl_ms)
  local all, unread = INBOX .. job.owner, UNREAD .. job.owner
  local latest = tonumber(string.match(redis.call('ZRANGE', all, -1, -1)[1] or '', '^%d+') or 0)
  -- Greater than all earlier ids, even if the clock was set back.
  local notification_id = math.max(now_us(), latest + 1)
  local member = table.concat({whole(notification_id), whole(now_ms()), job.kind, status, whole(version), id}, ':')
  for _, inbox in ipairs({all, unread}) do redis.call('ZADD', inbox, whole(notification_id), member) end
  -- The unread ones may all have been read, so this one may be in a new set.
  redis.call('PEXPIRE', unread, ttl_ms + HOUR_MS)
  if is_first_in(HOUR_MS, latest / 1000, notification_id / 1000) then
    redis.call('PEXPIRE', all, ttl_ms + HOUR_MS)
    for _, inbox in ipairs({all, unread}) do drop_old(inbox, ttl_ms) end
  end
  redis.call('PUBLISH', ARRIVALS .. job.owner, whole(notification_id))
  return whole(notification_id)
end

local function delete_notifications(record)
  local job = redis.call('HMGET', record, 'owner', 'notified')
  for notification_id in string.gmatch(job[2] or '', '%d+') do
    redis.call('ZREMRANGEBYSCORE', INBOX .. job[1], notification_id, notification_id)
    redis.call('ZREMRANGEBYSCORE', UNREAD .. job[1], notification_id, notification_id)
  end
end
