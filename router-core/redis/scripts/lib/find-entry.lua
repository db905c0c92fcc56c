-- Needs meta.lua. The slow look for a request of which nobody knows where it is: returns entry id and meta. Through so many
-- entries at most in one call, in pieces, since they carry bodies.
local entries_left = 100000
local function find_entry(stream, id)
  local from = '-'
  while entries_left > 0 do
    local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', 100)
    for _, entry in ipairs(entries) do
      local m = parse_meta(entry[2][1])
      if m and m.id == id then return entry[1], m end
    end
    entries_left = entries_left - #entries - 1
    if #entries < 100 then return nil end
    from = '(' .. entries[#entries][1]
  end
end
