-- Counts waiting requests.
--
-- Needs: none
-- Defines: measure_lines

-- Sets the length of each line, and returns their sum.
local function measure_lines(lines)
  local queued = 0
  for _, line in ipairs(lines) do
    line.length = redis.call('XLEN', line.waiting) + redis.call('XLEN', line.redelivery)
    queued = queued + line.length
  end
  return queued
end
