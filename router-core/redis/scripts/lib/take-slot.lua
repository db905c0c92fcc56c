-- Takes a slot of an agent record away from an instance that has lost the agent.
--
-- registry: the keys that instances.lua takes.
--
-- Needs: slots_of, set_slots
-- Defines: MOST_ROWS, take_slot

-- No relay has more rows.
local MOST_ROWS = 1024

local function take_slot(registry, instance, record)
  for part = 0, MOST_ROWS do
    local row = part == 0 and instance or string.format('%s/%d', instance, part)
    local lane, count, shares = slots_of(registry, row)
    if not lane then return end
    local has_slot = shares == record and count > 0
    shares = string.gsub(shares, '([^=,]+)=(%d+)', function(name, slots)
      if name ~= record or tonumber(slots) == 0 then return nil end
      has_slot = true
      return string.format('%s=%d', name, slots - 1)
    end)
    if has_slot then return set_slots(registry, row, lane, count - 1, shares) end
  end
end
