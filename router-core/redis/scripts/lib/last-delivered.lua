-- Finds the last entry of a lane that an instance has pulled. The entries after it are handed over and not pulled.
--
-- Needs: none
-- Defines: last_delivered

-- Returns its id, or nil for a lane without consumer group.
local function last_delivered(lane_key)
  local groups = redis.pcall('XINFO', 'GROUPS', lane_key)
  if groups.err or not groups[1] then return nil end
  for i = 1, #groups[1], 2 do
    if groups[1][i] == 'last-delivered-id' then return groups[1][i + 1] end
  end
end
