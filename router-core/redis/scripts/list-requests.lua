-- Returns a page of the requests of a group: those that wait, and those that were handed to its lanes. Never bodies.
--
-- KEYS  streams in which requests wait, then lanes
-- ARGV  number of the first lane among the keys, number of the stream to begin with, id of the entry after which to begin ("-":
--       the first), entries wanted
-- Returns per request: number of its stream, entry id, meta, method, target (its first 1,000 bytes), instance that has pulled it
-- ("": none).
--!include lib/request-line
local first_lane, first, after, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])

local function owners_of(stream, from, to, count)
  local owners, pending = {}, redis.pcall('XPENDING', stream, 'agents', from, to, count)
  for _, each in ipairs(pending.err and {} or pending) do owners[each[1]] = each[2] end
  return owners
end

local result = {}
for i = first, #KEYS do
  if wanted <= 0 then break end
  local from = i == first and after ~= '-' and '(' .. after or '-'
  local entries = redis.call('XRANGE', KEYS[i], from, '+', 'COUNT', wanted)
  wanted = wanted - #entries
  local owners = {}
  if i >= first_lane and #entries > 0 then
    owners = owners_of(KEYS[i], entries[1][1], entries[#entries][1], #entries)
  end
  for _, entry in ipairs(entries) do
    local method, target = request_line(entry[2][2])
    for _, value in ipairs({ tostring(i), entry[1], string.sub(entry[2][1], 1, 512), method, target, owners[entry[1]] or '' }) do
      result[#result + 1] = value
    end
  end
end
return result
