#!lua flags=allow-oom
-- An agent gives a pulled request back: it is served before all that wait.
-- Why: "unstarted" (draining: the attempt does not count), "unreachable" (the upstream was never reached: any method may
-- run again) or "failed" (broke before the first byte of a reply: only what is safe to run again).
--
-- One that was cancelled is only removed: its reset may have been written before its agent listened.
--
-- KEYS  group.lua's (the agent's lane first), then: slots, the attempt's down stream, up
-- ARGV  group.lua's, then: instance, entry id, why, frame that tells the hub "moved"
-- Returns 1 given back or no longer this agent's, 0 refused: nothing else can take it, the caller answers it.
--!include lib/group
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
local lane_key, slots_key, down, up = KEYS[7], KEYS[own_keys + 1], KEYS[own_keys + 2], KEYS[own_keys + 3]
local instance, entry_id, why, moved = ARGV[own_args + 1], ARGV[own_args + 2], ARGV[own_args + 3], ARGV[own_args + 4]

local pending = redis.call('XPENDING', lane_key, 'agents', entry_id, entry_id, 1, instance)
if #pending == 0 then return 1 end
local entry = redis.call('XRANGE', lane_key, entry_id, entry_id)[1]
local m = entry and parse_meta(entry[2][1])
local is_wanted = m and m.deadline > now and is_hub_alive(m.hub) and #redis.call('XRANGE', up, '2147483647-0', '+') == 0

if is_wanted and why ~= 'unstarted' then
  if m.attempt >= m.max then return 0 end
  if why == 'failed' and m.flags ~= 's' then return 0 end
  if why == 'unreachable' then
    local others = 0
    for _, count in ipairs(redis.call('HVALS', lanes)) do others = others + (tonumber(count) or 0) end
    local own = string.match(redis.call('HGET', slots_key, instance) or '', '^%S+ (%d+)')
    if others - tonumber(own or '0') <= 0 then return 0 end
  end
end

redis.call('XACK', lane_key, 'agents', entry_id)
redis.call('XDEL', lane_key, entry_id)
if m then
  redis.call('ZREM', permits, m.id .. ':' .. m.attempt)
  if is_wanted then
    if why ~= 'unstarted' then
      redis.call('XADD', down, '2147483647-0', 'f', moved)
      redis.call('PEXPIRE', down, 3 * lease)
      bell(m.hub, moved)
      m.attempt = m.attempt + 1
    end
    redeliver(m, entry[2][2])
  end
end
measure_room()
promote()
ring_bells(prefix, 'hub')
return 1
