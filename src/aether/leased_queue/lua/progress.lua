-- Progress: whatever killed the job's earlier workers, it was not the part that is done now.
local function reset_delivery_count(job_id)
  redis.call('HDEL', CLAIM .. job_id, 'deaths', 'suspect', 'alone', 'lone_deaths', 'presumed')
end
