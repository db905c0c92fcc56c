-- Reads method and target (its first 1,000 bytes) of a payload: a frame (layout in frames.ts) whose head begins with them. Both
-- are empty for a payload that is no frame: agents can write entries.
--
-- Needs: none
-- Defines: request_line
local function request_line(p)
  if not p or #p < 13 then return '', '' end
  local at = 13 + string.byte(p, 12)
  if string.byte(p, 5) % 2 == 1 then at = at + 1 + (string.byte(p, at) or 0) end
  local method, target = string.match(string.sub(p, at + 4, at + 9000), '^([^\n]*)\n([^\n]*)')
  return method or '', string.sub(target or '', 1, 1000)
end
