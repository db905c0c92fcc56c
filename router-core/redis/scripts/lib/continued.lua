-- Writes and reads the fence of an attempt that goes on at another relay. Its text is the last part of the frame:
-- "continued", LF, then turn, owner, lane and entry with blanks between, then "begun" or "fresh".
--
-- Needs: FENCE
-- Defines: continued_frame, read_continued

-- The parts STOP = 128 and FAILED = 8, seq 2147483647; layout in frames.ts.
local function continued_frame(id, attempt, about)
  local text = 'continued\n' .. about
  local n = 1 + 2 + 4 + 1 + #id + 2 + #text
  return string.char(0, 0, math.floor(n / 256), n % 256, 136, math.floor(attempt / 256), attempt % 256, 127, 255, 255, 255, #id)
    .. id .. string.char(math.floor(#text / 256), #text % 256) .. text
end

-- Returns turn, owner, lane and entry, or nil when the stream does not end like this.
local function read_continued(stream)
  local last = redis.call('XRANGE', stream, FENCE, FENCE)[1]
  return string.match(last and last[2][2] or '', 'continued\n(%d+) (%S+) (%S+) (%S+) %a+$')
end
