-- Finds the last entry of a lane that an instance has pulled. The entries after it are handed over and not pulled.
--
-- Needs: lane_group, value_of
-- Defines: last_delivered

-- Returns its id, or nil for a lane without consumer group.
local function last_delivered(lane_key)
  local group = lane_group(lane_key)
  return group and value_of(group, 'last-delivered-id')
end
