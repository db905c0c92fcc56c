-- Doorbells of this call: reader → list of frames, rung once each at its end.
local bells = {}
local function bell(reader, frame)
  local list = bells[reader]
  if list then list[#list + 1] = frame else bells[reader] = { frame } end
end

local function ring_bells(prefix, kind)
  for reader, list in pairs(bells) do redis.call('SPUBLISH', prefix .. kind .. ':' .. reader, table.concat(list)) end
end
