-- Corrects expiries and leases after the clock has gone back.
--
-- Needs: MOST_PER_SWEEP, lane_count, lane_keys
-- Defines: clamp_expiries, restart_leases

-- Cuts expiries that are further ahead than any writer sets them: the clock has gone back since, or an agent has forged them.
local function clamp_expiries(zset, latest)
  latest = string.format('%d', latest)
  local late = redis.call('ZRANGEBYSCORE', zset, '(' .. latest, '+inf', 'LIMIT', 0, MOST_PER_SWEEP)
  for _, member in ipairs(late) do redis.call('ZADD', zset, latest, member) end
  -- A real member writes its row again with its next beat.
  if #late == MOST_PER_SWEEP then redis.call('ZREMRANGEBYSCORE', zset, '(' .. latest, '+inf') end
end

-- By a clock that has gone back, no pending entry is idle. So each entry begins its lease anew.
local function restart_leases()
  for i = 1, lane_count do
    local lane_key = KEYS[lane_keys + i]
    local held = redis.pcall('XPENDING', lane_key, 'agents', '-', '+', MOST_PER_SWEEP)
    for _, entry in ipairs(held.err and {} or held) do
      redis.call('XCLAIM', lane_key, 'agents', entry[2], 0, entry[1], 'IDLE', 0, 'JUSTID')
    end
  end
end
