-- Clock and numbers.

-- Microseconds; a script does not see the time pass.
local now_us
do
  local microseconds
  function now_us()
    if not microseconds then
      local time = redis.call('TIME')
      microseconds = tonumber(time[1]) * 1000000 + tonumber(time[2])
    end
    return microseconds
  end
end

local function now_ms()
  return math.floor(now_us() / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

-- Whether this moment is the first one of its period, an hour for instance, of which `last` was the moment before.
local function is_first_in(period, last, now)
  return math.floor((last or -1) / period) ~= math.floor(now / period)
end
