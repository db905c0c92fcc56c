-- The row that XINFO GROUPS has of a lane's consumer group; nil when there is none. XINFO lists as many groups and consumers as an
-- agent's login has made, and 100,000 of them take Redis most of a second: counts are looked at first. Beyond them the lane is not
-- looked at, and `fault` says why.
local MOST_GROUPS, MOST_CONSUMERS = 8, 1024
local fault

local function value_of(row, field)
  for i = 1, #row, 2 do
    if row[i] == field then return row[i + 1] end
  end
end

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
