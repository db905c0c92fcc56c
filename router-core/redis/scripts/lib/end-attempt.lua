-- Ends an attempt, and puts its request back to the front of its line.
--
-- Needs: lease, lines, line_of, bell, meta_string
-- Defines: MOST_ATTEMPTS, end_attempt, requeue
--!include lib/fence

-- The number of an attempt must fit into a frame.
local MOST_ATTEMPTS = 60000

-- Fences the reply stream of the attempt, and rings its hub. The frame says how the attempt has ended.
local function end_attempt(m, down, frame)
  fence(down, frame, 3 * lease)
  bell(m.hub, frame)
end

-- Ends the attempt, and lets the request wait for its next one. `counts` is false for an attempt that has certainly not reached
-- an upstream: then the request gets one attempt more. A scope that this call does not know goes to the line without scope.
local function requeue(m, payload, down, moved, counts)
  end_attempt(m, down, moved)
  m.attempt = m.attempt + 1
  if not counts then m.max = m.max + 1 end
  local line = line_of[m.scope] or lines[1]
  redis.call('XADD', line.redelivery, '*', meta_string(m), payload)
end
