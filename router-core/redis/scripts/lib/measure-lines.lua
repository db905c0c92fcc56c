-- Needs group-state.lua.
-- Counts what waits, in all lines and in each.
local function measure_lines()
  local queued = 0
  for _, line in ipairs(lines) do
    line.length = redis.call('XLEN', line.waiting) + redis.call('XLEN', line.redelivery)
    queued = queued + line.length
  end
  return queued
end
