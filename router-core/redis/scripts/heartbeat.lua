#!lua flags=allow-oom
-- Registers an instance, or renews all it holds: its row, its entries' leases, permits and per-request streams.
-- The first beat is the join; every beat repairs what a Redis restarted without its data has lost.
-- All instances of an agent record together get no more slots than the record may have: slots of the others are not granted.
--
-- KEYS  group.lua's (the instance's lane first), then: slots, agent-slots, instances, reports, and per running request its up
--       and down
-- ARGV  group.lua's, then: instance, agent record ("-": none), slots, report JSON, stream ttl ms, number of lanes it knows,
--       number of running requests, and per request: entry id, permit, hub
-- Returns {Redis ms, lease ms, 1 when the instance was not registered, slots granted, state of the record, lanes, version of the
-- settings, then per running request: "" held, "lost" no longer this instance's, "abandoned" its hub is gone, "gone" both}.
-- State: active, paused, draining, unknown, moved (it has other scopes now). Lanes: the names of all lanes when there are more or
-- fewer than the instance knows.
--!include lib/group
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
--!include lib/instances
local lane_key, lane = KEYS[lane_keys + 1], ARGV[lane_names + 1]
local registry = { lanes = lanes, slots = KEYS[own_keys + 1], agent_slots = KEYS[own_keys + 2] }
local instances, reports, request_keys = KEYS[own_keys + 3], KEYS[own_keys + 4], own_keys + 4
local instance, record, slots = ARGV[own_args + 1], ARGV[own_args + 2], tonumber(ARGV[own_args + 3])
local report, ttl = ARGV[own_args + 4], ARGV[own_args + 5]
local known_lanes, running, request_args = tonumber(ARGV[own_args + 6]), tonumber(ARGV[own_args + 7]), own_args + 7
if not (request_keys + 2 * running <= #KEYS) then return redis.error_reply('ERR fewer keys than were announced') end

redis.call('HSET', settings, 'beat', string.format('%d', now))
redis.pcall('XGROUP', 'CREATE', lane_key, 'agents', '0', 'MKSTREAM')
local joined = redis.call('ZADD', instances, now + lease, instance)
redis.call('HSET', reports, instance, report)

local state = 'active'
if record ~= '-' then
  local cap, scopes
  cap, state, scopes = string.match(redis.call('HGET', settings, 'agent:' .. record) or '', '^(%d+) (%a+) (%S+)$')
  if not cap then cap, state, scopes = '0', 'unknown', '?' end
  local own_scopes = string.match(lane, '^%d+%+(.+)$') or '-'
  if scopes ~= '?' and scopes ~= own_scopes then state = 'moved' end
  if state ~= 'active' then slots = math.min(slots, running) end
  if tonumber(cap) > 0 then
    local _, own = slots_of(registry, instance)
    local others = (tonumber(redis.call('HGET', registry.agent_slots, record)) or 0) - own
    slots = math.max(math.min(slots, tonumber(cap) - others), 0)
  end
end
local has_changed = set_slots(registry, instance, lane, slots, record)

local version = redis.call('HGET', settings, 'version') or '0'
local result = { string.format('%d', now), string.format('%d', lease), joined, slots, state, {}, version }
if redis.call('HLEN', lanes) ~= known_lanes then result[6] = redis.call('HKEYS', lanes) end
local owned = {}
if running > 0 then
  for _, entry in ipairs(redis.call('XPENDING', lane_key, 'agents', '-', '+', 10000, instance)) do owned[entry[1]] = true end
end
for i = 1, running do
  local a = request_args + (i - 1) * 3
  local entry, permit, hub = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3]
  if not owned[entry] then
    result[7 + i] = is_hub_alive(hub) and 'lost' or 'gone'
  else
    redis.call('XCLAIM', lane_key, 'agents', instance, 0, entry, 'JUSTID')
    redis.call('ZADD', permits, permit_expiry, permit)
    redis.call('PEXPIRE', KEYS[request_keys + 2 * i - 1], ttl)
    redis.call('PEXPIRE', KEYS[request_keys + 2 * i], ttl)
    result[7 + i] = is_hub_alive(hub) and '' or 'abandoned'
  end
end
-- With the same slots, nothing new can be handed over: settlements, admissions and sweeps have done that.
if has_changed then
  measure_room()
  promote()
end
ring_bells(prefix, 'hub')
return result
