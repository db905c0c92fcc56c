#!lua flags=allow-oom
-- Takes an orphan (a pulled entry whose lease has ended) from its lost agent and decides what becomes of it.
-- It runs again only when that is safe: no byte of a reply exists, the whole body is stored, the method allows it,
-- attempts are left. The fence frame ends the lost attempt's reply stream: nothing can be appended to it any more.
--
-- KEYS  group.lua's (the orphan's lane only), then: dead, up, down of the lost attempt
-- ARGV  group.lua's, then: entry id, stream ttl ms, frames that tell the hub "moved", "agent-lost", "attempts-exhausted",
--       why it is on the dead list
-- Returns "moved", "lost", "exhausted", "dropped" nobody awaits it, or "alive" its lease was renewed meanwhile.
--!include lib/group
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
--!include lib/request-line
local lane_key, dead, up, down = KEYS[7], KEYS[own_keys + 1], KEYS[own_keys + 2], KEYS[own_keys + 3]
local entry_id, ttl = ARGV[own_args + 1], ARGV[own_args + 2]
local moved, lost, exhausted, why =
  ARGV[own_args + 3], ARGV[own_args + 4], ARGV[own_args + 5], ARGV[own_args + 6]

local pending = redis.call('XPENDING', lane_key, 'agents', entry_id, entry_id, 1)
local claimed = redis.call('XCLAIM', lane_key, 'agents', 'sweep', lease, entry_id)
if #claimed == 0 or not claimed[1] then return 'alive' end
local m, payload = parse_meta(claimed[1][2][1]), claimed[1][2][2]
redis.call('XACK', lane_key, 'agents', entry_id)
redis.call('XDEL', lane_key, entry_id)
if not m then return 'dropped' end
redis.call('ZREM', permits, m.id .. ':' .. m.attempt)

local function fence(frame)
  redis.call('XADD', down, '2147483647-0', 'f', frame)
  redis.call('PEXPIRE', down, ttl)
  bell(m.hub, frame)
end

local outcome
if m.deadline <= now or not is_hub_alive(m.hub) then
  outcome = 'dropped'
elseif redis.call('EXISTS', down, up) > 0 or not string.find(m.flags, 's') then
  outcome = 'lost'
  fence(lost)
elseif m.attempt >= m.max then
  outcome = 'exhausted'
  fence(exhausted)
else
  outcome = 'moved'
  fence(moved)
  m.attempt = m.attempt + 1
  redeliver(m, payload)
end
if outcome == 'exhausted' then
  local method, target = request_line(payload)
  redis.call('XADD', dead, 'MAXLEN', '~', 1000, '*', 'm', claimed[1][2][1], 'method', method, 'target', target,
    'instance', pending[1] and pending[1][2] or '', 'why', why)
end
measure_room()
promote()
ring_bells(prefix, 'hub')
return outcome
