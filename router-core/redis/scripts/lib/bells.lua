-- Collects the doorbells of one call, by reader, and rings each reader once, at the end of the call.
--
-- Needs: none
-- Defines: bells, bell, ring_bells
local bells = {}
local function bell(reader, frame)
  local list = bells[reader]
  if list then list[#list + 1] = frame else bells[reader] = { frame } end
end

-- kind: 'hub' or 'instance', the same for all readers of this call.
local function ring_bells(prefix, kind)
  for reader, list in pairs(bells) do redis.call('SPUBLISH', prefix .. kind .. ':' .. reader, table.concat(list)) end
end
