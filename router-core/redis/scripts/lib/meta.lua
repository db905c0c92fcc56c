-- Reads and writes the meta of a request.
-- An entry of a lane or a line has one field: its name is the meta of the request, its value the payload. (Two fields would
-- be twice as many strings for the agent to read.)
-- Meta: id attempt maxAttempts flags hub deadline waitUntil scope. Times are in Redis ms, scope - is none.
-- Flags: s = safe to run again, b = body follows on the up stream, - = none.
--
-- Needs: none
-- Defines: parse_meta, meta_string

-- Returns nil for a text that is no meta: agents can write entries.
local function parse_meta(meta)
  local id, attempt, max, flags, hub, deadline, wait_until, scope =
    string.match(meta, '^(%S+) (%d+) (%d+) (%S+) (%S+) (%d+) (%d+) (%S+)$')
  attempt, max = tonumber(attempt), tonumber(max)
  if not attempt or attempt > 65534 or max > 65535 or #meta > 512 or #id > 255 or #deadline > 15 or #wait_until > 15 then
    return nil
  end
  return { id = id, attempt = attempt, max = max, flags = flags, hub = hub,
    deadline = tonumber(deadline), wait_until = tonumber(wait_until), scope = scope }
end

local function meta_string(m)
  return string.format('%s %d %d %s %s %d %d %s', m.id, m.attempt, m.max, m.flags, m.hub, m.deadline, m.wait_until, m.scope)
end
