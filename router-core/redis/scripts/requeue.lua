#!lua flags=allow-oom
-- Puts a request that an agent has pulled back to the front of its line. ARGV says why:
-- "unstarted"   draining, or no slot for it after all: the attempt does not count;
-- "unreachable" its upstream was never reached: the attempt does not count, any method may run again;
-- "failed"      the upstream broke off before the first byte of a reply: only a request that is safe to run again;
-- "abandoned"   its hub has not been heard of, and the call was stopped. A hub that only stood still finds a fence. The fence
--               carries a request that is safe to run again, and its hub admits it once more.
--
-- A cancelled request is only removed: its reset may have been written before its agent listened.
--
-- KEYS  group.lua's (the agent's lane first), then: slots, agent-slots, the attempt's down stream, up
-- ARGV  group.lua's, then: instance, entry id, why, frames that tell the hub "moved" and "agent-lost"
-- Returns 1 requeued or no longer this agent's, 0 refused: it must not run again, the caller answers it.
--!include lib/group
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
--!include lib/end-attempt
--!include lib/instances
local lane_key, down, up = KEYS[lane_keys + 1], KEYS[own_keys + 3], KEYS[own_keys + 4]
local registry = { lanes = lanes, slots = KEYS[own_keys + 1], agent_slots = KEYS[own_keys + 2] }
local instance, entry_id, why = ARGV[own_args + 1], ARGV[own_args + 2], ARGV[own_args + 3]
local moved, lost = ARGV[own_args + 4], ARGV[own_args + 5]

local pending = redis.call('XPENDING', lane_key, 'agents', entry_id, entry_id, 1, instance)
if #pending == 0 then return 1 end
local entry = redis.call('XRANGE', lane_key, entry_id, entry_id)[1]
local m, payload
if entry then m, payload = parse_meta(entry[2][1]), entry[2][2] end
local is_hub_here = m and is_hub_alive(m.hub)
local is_wanted = m and m.deadline > now and m.attempt < MOST_ATTEMPTS
  and (is_hub_here or why == 'abandoned') and not is_fenced(up)
local may_repeat = m and m.flags == 's' and m.attempt < m.max
if is_wanted and why == 'failed' and not may_repeat then return 0 end

redis.call('XACK', lane_key, 'agents', entry_id)
redis.call('XDEL', lane_key, entry_id)
if m then redis.call('ZREM', permits, m.id .. ':' .. m.attempt) end

-- Appends the body to a frame without one (layout in frames.ts).
local function with_body(frame, body)
  local n = #frame - 4 + #body
  return string.char(0, math.floor(n / 65536), math.floor(n / 256) % 256, n % 256, string.byte(frame, 5) + 32)
    .. string.sub(frame, 6) .. body
end

if is_wanted then
  local ttl = 3 * lease
  -- A stream that exists has had frames, even when all of them were trimmed.
  local has_frames = redis.call('PEXPIRE', down, ttl) + redis.call('PEXPIRE', up, ttl) > 0
  if why ~= 'abandoned' then
    requeue(m, payload, down, moved, why == 'failed')
  elseif has_frames or not may_repeat then
    end_attempt(m, down, lost)
  elseif is_hub_here then
    requeue(m, payload, down, moved, true)
  else
    -- No doorbell: its hub is not there to hear it.
    fence(down, with_body(moved, payload), ttl)
  end
end
-- The slot of an instance whose upstream is down goes as well. Otherwise the same instance would get the request again at once.
if why == 'unreachable' then
  local lane, count, shares = slots_of(registry, instance)
  -- A relay with several records has other agents that can take it.
  local is_alone = shares and not string.find(shares, '=', 1, true)
  if is_alone and count > 0 then set_slots(registry, instance, lane, count - 1, shares) end
end
measure_room()
promote()
ring_bells(prefix, 'hub')
return 1
