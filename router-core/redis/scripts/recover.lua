#!lua flags=allow-oom
-- Takes a request from an agent that will not answer it, and decides what becomes of it.
-- An orphan was pulled, and its lease has ended. It runs again only when that is safe: no byte of a reply exists, the whole
-- body is stored, the method allows it, attempts are left. A request that nobody has pulled, in a lane with fewer slots than
-- requests, is requeued: its agent has gone. A fence ends the reply stream of the lost attempt.
--
-- KEYS  group.lua's (the orphan's lane only), then: dead, up, down of the lost attempt
-- ARGV  group.lua's, then: entry id, frames that tell the hub "moved", "unstarted", "agent-lost", "attempts-exhausted",
--       why it is on the dead list
-- Returns "moved", "returned" nobody had pulled it, "lost", "exhausted", "dropped" nobody awaits it, or "alive" its lease was
-- renewed meanwhile.
--!include lib/group
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
--!include lib/end-attempt
--!include lib/request-line
local lane_key, dead, up, down = KEYS[lane_keys + 1], KEYS[own_keys + 1], KEYS[own_keys + 2], KEYS[own_keys + 3]
local entry_id, moved, unstarted = ARGV[own_args + 1], ARGV[own_args + 2], ARGV[own_args + 3]
local lost, exhausted, why = ARGV[own_args + 4], ARGV[own_args + 5], ARGV[own_args + 6]

local pending = redis.call('XPENDING', lane_key, 'agents', entry_id, entry_id, 1)
local is_pulled, entry = #pending > 0, nil
if is_pulled then
  entry = redis.call('XCLAIM', lane_key, 'agents', 'sweep', lease, entry_id)[1]
elseif free[1] < 0 then
  entry = redis.call('XRANGE', lane_key, entry_id, entry_id)[1]
end
if not entry then return 'alive' end
local m, payload = parse_meta(entry[2][1]), entry[2][2]
if is_pulled then redis.call('XACK', lane_key, 'agents', entry_id) end
redis.call('XDEL', lane_key, entry_id)
if not m then return 'dropped' end
redis.call('ZREM', permits, m.id .. ':' .. m.attempt)

local outcome
if m.deadline <= now or not is_hub_alive(m.hub) then
  outcome = 'dropped'
elseif not is_pulled and m.attempt < MOST_ATTEMPTS then
  outcome = 'returned'
  requeue(m, payload, down, unstarted, false)
elseif redis.call('EXISTS', down, up) > 0 or not string.find(m.flags, 's') then
  outcome = 'lost'
  end_attempt(m, down, lost)
elseif m.attempt >= math.min(m.max, MOST_ATTEMPTS) then
  outcome = 'exhausted'
  end_attempt(m, down, exhausted)
else
  outcome = 'moved'
  requeue(m, payload, down, moved, true)
end
if outcome == 'exhausted' then
  local method, target = request_line(payload)
  redis.call('XADD', dead, 'MAXLEN', '~', 1000, '*', 'm', entry[2][1], 'method', method, 'target', target,
    'instance', pending[1] and pending[1][2] or '', 'why', why)
end
measure_room()
promote()
ring_bells(prefix, 'hub')
return outcome
