#!lua flags=allow-oom
-- Takes an instance out of its group. Requests that it still holds stay pending, and the sweep finds them.
--
-- KEYS  group-names.lua's (the instance's lane first), then: slots, agent-slots, instances, reports
-- ARGV  group-names.lua's, then: instance, its further rows
-- Returns 1.
--!include lib/group-names
--!include lib/instances
local registry = { lanes = lanes, slots = KEYS[own_keys + 1], agent_slots = KEYS[own_keys + 2] }
local instances, reports, instance = KEYS[own_keys + 3], KEYS[own_keys + 4], ARGV[own_args + 1]
for a = own_args + 1, #ARGV do
  set_slots(registry, ARGV[a], '', 0, '-')
  redis.call('ZREM', instances, ARGV[a])
end
redis.call('HDEL', reports, instance)
delete_idle_consumer(KEYS[lane_keys + 1], instance)
return 1
