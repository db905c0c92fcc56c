#!lua flags=allow-oom
-- Removes the rows that agents and hubs have written about themselves into a group. A real instance writes its row again with its
-- next heartbeat, which it sends at once when it is rung; a real hub with its next sweep. Nobody is taken for dead meanwhile.
--
-- KEYS  settings, instances, then the other keys that heartbeats and sweeps rebuild
-- ARGV  prefix of the group's keys, lease ms, nudge frame
-- Returns 1.
local settings, instances, prefix, lease, nudge = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
--!include lib/clock

local count = redis.pcall('HLEN', settings)
if type(count) == 'table' then redis.call('UNLINK', settings) end
local known = redis.pcall('ZRANGE', instances, 0, 4095)
redis.call('UNLINK', unpack(KEYS, 2))
redis.call('HSET', settings, 'grace', string.format('%d', now + lease), 'beat', string.format('%d', now))
for _, instance in ipairs(known.err and {} or known) do
  redis.call('SPUBLISH', prefix .. 'instance:' .. instance, nudge)
end
return 1
