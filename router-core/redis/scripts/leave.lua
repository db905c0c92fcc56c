#!lua flags=allow-oom
-- Takes an instance out of its group. What it still holds stays pending and is found by the sweep.
--
-- KEYS  group.lua's (the instance's lane first), then: slots, agent-slots, instances, reports
-- ARGV  group.lua's, then: instance
--!include lib/group-names
--!include lib/instances
local instance = ARGV[own_args + 1]
set_slots(KEYS[own_keys + 1], KEYS[own_keys + 2], instance, '', 0, '-')
redis.call('ZREM', KEYS[own_keys + 3], instance)
redis.call('HDEL', KEYS[own_keys + 4], instance)
delete_idle_consumer(KEYS[7], instance)
return 1
