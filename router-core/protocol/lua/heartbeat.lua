#!lua flags=allow-oom
-- Registers an instance, or renews all it holds: its row, its entries' leases, permits and per-request streams.
-- The first beat is the join; every beat repairs what a Redis restarted without its data has lost.
--
-- KEYS  group.lua's (the instance's lane only), then: slots, instances, reports, and per running request its up and down
-- ARGV  group.lua's, then: instance, slots, report JSON, stream ttl ms, running requests, and per request:
--       entry id, permit, hub
-- Returns {Redis ms, lease ms, 1 when the instance was not registered, then per running request: "" held,
-- "lost" no longer this instance's, "abandoned" its hub is gone}.
--!include group
--!include bells
--!include hand-over
--!include instances
local lane_key, slots_key = KEYS[7], KEYS[own_keys + 1]
local instance, slots, ttl = ARGV[own_args + 1], tonumber(ARGV[own_args + 2]), ARGV[own_args + 4]
local running = tonumber(ARGV[own_args + 5])

beat()
redis.pcall('XGROUP', 'CREATE', lane_key, 'agents', '0', 'MKSTREAM')
local joined = redis.call('ZADD', KEYS[own_keys + 2], now + lease, instance)
redis.call('HSET', KEYS[own_keys + 3], instance, ARGV[own_args + 3])
set_slots(slots_key, instance, ARGV[2], slots)

local result = { string.format('%.0f', now), string.format('%.0f', lease), joined }
local owned = {}
if running > 0 then
  for _, entry in ipairs(redis.call('XPENDING', lane_key, 'agents', '-', '+', 10000, instance)) do owned[entry[1]] = true end
end
for i = 1, running do
  local a = own_args + 5 + (i - 1) * 3
  local entry, permit, hub = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3]
  if not owned[entry] then
    result[3 + i] = 'lost'
  else
    redis.call('XCLAIM', lane_key, 'agents', instance, 0, entry, 'JUSTID')
    redis.call('ZADD', permits, permit_expiry, permit)
    redis.call('PEXPIRE', KEYS[own_keys + 2 + 2 * i], ttl)
    redis.call('PEXPIRE', KEYS[own_keys + 3 + 2 * i], ttl)
    result[3 + i] = is_hub_alive(hub) and '' or 'abandoned'
  end
end
read_free_slots()
promote()
ring_bells(prefix, 'hub')
return result
