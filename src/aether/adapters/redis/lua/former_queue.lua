-- Library: the queue of earlier versions, whose processes still use it while a release is rolled out or back.

local function leave_former_queue(id, owner)
  give_turn_back(FORMER_QUEUE, id, owner)
  redis.call('ZREM', FORMER_QUEUE, id)
end

-- Removes a job in any state, whichever version queued it.
local function withdraw_everywhere(queue, id, owner)
  leave_former_queue(id, owner)
  return withdraw(queue, id, owner)
end
