-- Finds a request whose place is unknown, by reading a stream from its beginning.
--
-- Needs: parse_meta
-- Defines: entries_left, find_entry

-- One call reads this many entries at most, in all streams together.
local entries_left = 100000

-- Returns entry id and meta, or nil. Entries are read in pieces, because they carry bodies.
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
