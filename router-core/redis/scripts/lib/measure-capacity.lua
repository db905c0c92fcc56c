-- Measures the numbers that say why a request waits.
--
-- Needs: now, leases_count, limit, config, lanes, permits, lane_count, lane_names, free
-- Defines: MOST_REPORTS, count_states, measure_capacity

-- A report is JSON. Its state is found by a pattern, because decoding thousands of reports would hold up Redis.
local MOST_REPORTS = 2000
local function count_states(reports)
  local counts = { ready = 0, ['upstream-down'] = 0, paused = 0, draining = 0 }
  if redis.call('HLEN', reports) <= MOST_REPORTS then
    for _, report in ipairs(redis.call('HVALS', reports)) do
      local state = string.match(report, '"state":"([a-z-]+)"')
      if counts[state] then counts[state] = counts[state] + 1 end
    end
  end
  return string.format('%d %d %d %d', counts.ready, counts['upstream-down'], counts.paused, counts.draining)
end

-- Returns numbers with blanks between: Redis ms, 1 when leases count, slots, requests handed out, the group's limit, permits, 1
-- when the group is paused, then instances that are ready, upstream-down, paused, draining. Instances are counted only when a
-- request waits or the group has no slot.
local function measure_capacity(reports, queued)
  local slots, taken = 0, 0
  local per_lane = redis.call('HMGET', lanes, unpack(ARGV, lane_names + 1, lane_names + lane_count))
  for i = 1, lane_count do
    local count = tonumber(per_lane[i] or '0') or 0
    slots, taken = slots + count, taken + count - free[i]
  end
  local states = (queued > 0 or slots <= 0) and count_states(reports) or '0 0 0 0'
  return string.format('%d %d %d %d %d %d %d %s', now, leases_count and 1 or 0, slots, taken, limit,
    redis.call('ZCARD', permits), config[5] == '1' and 1 or 0, states)
end
