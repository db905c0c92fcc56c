#!lua flags=allow-oom
-- Registers an instance, or renews all it holds: its row, its entries' leases, permits and per-request streams.
-- The first beat is the join; every beat repairs what a Redis restarted without its data has lost.
-- An instance offers slots for one agent record, or for none. A relay offers slots for many. It sends a call for each part of its
-- records, and more calls when it runs many requests: no call holds up Redis for long.
--
-- KEYS  group.lua's (the instance's lane first), then: slots, agent-slots, instances, reports, and per running request its up
--       and down
-- ARGV  group.lua's, then: instance, its row ("<instance>", or "<instance>/<n>" for a further part of a relay), report JSON (of
--       the first part), stream ttl ms, number of lanes it knows, 1 when the call before has left requests to promote, number of
--       shares, number of running requests, per share: agent record ("-": none), slots offered, slots in use, and per request, in
--       the order of the entries: entry id, permit, hub
-- Returns {Redis ms, lease ms, 1 when the row was not registered, lanes, version of the settings, 1 when more requests could be
-- promoted, {slots granted and state of each share}, then per running request: "" held, "lost" no longer this instance's,
-- "abandoned" its hub is gone, "gone" both}.
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
local instance, row, report, ttl = ARGV[own_args + 1], ARGV[own_args + 2], ARGV[own_args + 3], ARGV[own_args + 4]
local known_lanes, goes_on = tonumber(ARGV[own_args + 5]), ARGV[own_args + 6] == '1'
local share_count, running = tonumber(ARGV[own_args + 7]), tonumber(ARGV[own_args + 8])
local share_args = own_args + 8
if not (share_count >= 0 and running >= 0 and request_keys + 2 * running <= #KEYS
  and share_args + 3 * share_count + 3 * running <= #ARGV) then
  return redis.error_reply('ERR fewer keys or arguments than were announced')
end
--!include lib/grants
--!include lib/renew-requests

redis.call('HSET', settings, 'beat', string.format('%d', now))
redis.pcall('XGROUP', 'CREATE', lane_key, 'agents', '0', 'MKSTREAM')
local joined = redis.call('ZADD', instances, now + lease, row)
if row == instance then redis.call('HSET', reports, instance, report) end

local granted, slots, shares = grant_shares(registry, row, share_args, share_count)
local has_changed = set_slots(registry, row, lane, slots, shares)

local version = redis.call('HGET', settings, 'version') or '0'
local result = { string.format('%d', now), string.format('%d', lease), joined, {}, version, 0, granted }
if redis.call('HLEN', lanes) ~= known_lanes then result[4] = redis.call('HKEYS', lanes) end
for i, fate in ipairs(renew_requests(instance, request_keys, share_args + 3 * share_count, running, ttl)) do
  result[7 + i] = fate
end
-- With the same slots, nothing new can be handed over: settlements, admissions and sweeps have done that.
if has_changed or goes_on then
  measure_room()
  if promote() then result[6] = 1 end
end
ring_bells(prefix, 'hub')
return result
