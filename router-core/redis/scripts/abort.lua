#!lua flags=allow-oom
-- Ends one request for an operator, wherever it is. Waiting or not yet pulled: it is removed and never runs. Pulled: a fence
-- stops its agent. Another fence informs its hub in each case: nothing can be appended to the reply of this attempt any more.
--
-- KEYS  group.lua's, then: up, down of the attempt
-- ARGV  group.lua's, then: id, attempt, frame that tells the hub, reset frame for the agent
-- Returns "removed" it never ran, "running" its agent was stopped, "unknown" it is not here, or the number of the attempt that it is
-- in, when that is another one: then nothing was done.
--!include lib/group
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
--!include lib/fence
--!include lib/find-entry
local up, down = KEYS[own_keys + 1], KEYS[own_keys + 2]
local id, attempt = ARGV[own_args + 1], ARGV[own_args + 2]
local failed, reset, ttl = ARGV[own_args + 3], ARGV[own_args + 4], 3 * lease

local streams = {}
for _, line in ipairs(lines) do
  streams[#streams + 1] = line.redelivery
  streams[#streams + 1] = line.waiting
end
local first_lane = #streams + 1
for i = 1, lane_count do streams[#streams + 1] = KEYS[lane_keys + i] end

local function find()
  for i, stream in ipairs(streams) do
    local entry_id, m = find_entry(stream, id)
    if m then return stream, entry_id, m, i >= first_lane end
  end
end

local stream, entry_id, m, is_handed = find()
if not m then return 'unknown' end
if tostring(m.attempt) ~= attempt then return tostring(m.attempt) end

fence(down, failed, ttl)
bell(m.hub, failed)

local owner
if is_handed then
  local pending = redis.pcall('XPENDING', stream, 'agents', entry_id, entry_id, 1)
  owner = not pending.err and pending[1] and pending[1][2]
end
if owner then
  fence(up, reset, ttl)
  redis.call('SPUBLISH', prefix .. 'instance:' .. owner, reset)
else
  redis.call('XDEL', stream, entry_id)
  redis.call('ZREM', permits, id .. ':' .. attempt)
  measure_room()
  promote()
end
ring_bells(prefix, 'hub')
return owner and 'running' or 'removed'
