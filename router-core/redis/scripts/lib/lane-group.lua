-- Finds the row that XINFO GROUPS has of a lane's consumer group. XINFO lists as many groups and consumers as an agent's login has
-- made, and 100,000 of them take Redis most of a second, so their counts are looked at first. Beyond the limits the lane is not
-- looked at, and `fault` says why.
--
-- Needs: none
-- Defines: MOST_GROUPS, MOST_CONSUMERS, fault, value_of, lane_group
local MOST_GROUPS, MOST_CONSUMERS = 8, 1024
local fault

local function value_of(row, field)
  for i = 1, #row, 2 do
    if row[i] == field then return row[i + 1] end
  end
end

-- Returns the row, or nil when the lane has no such group or too many of them.
local function lane_group(lane_key)
  local stream = redis.pcall('XINFO', 'STREAM', lane_key)
  if stream.err then return nil end
  local groups = value_of(stream, 'groups') or 0
  if groups > MOST_GROUPS then
    fault = string.format('%d consumer groups in %s', groups, lane_key)
    return nil
  end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', lane_key)) do
    if value_of(group, 'name') == 'agents' then
      local consumers = value_of(group, 'consumers')
      if consumers <= MOST_CONSUMERS then return group end
      fault = string.format('%d consumers in %s', consumers, lane_key)
      return nil
    end
  end
end
