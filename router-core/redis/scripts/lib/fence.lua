-- Ends streams. A fence has the highest sequence number there is, so Redis refuses every frame after it. The reader finds the
-- fence in the stream when its doorbell is lost.
--
-- Needs: none
-- Defines: FENCE, fence, is_fenced
local FENCE = '2147483647-0'

-- Redis refuses a second fence: the first one stays.
local function fence(stream, frame, ttl)
  redis.pcall('XADD', stream, FENCE, 'f', frame)
  redis.call('PEXPIRE', stream, ttl)
end

local function is_fenced(stream)
  return #redis.call('XRANGE', stream, FENCE, '+') > 0
end
