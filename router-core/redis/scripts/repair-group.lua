#!lua flags=allow-oom
-- Takes out of a group what its agents have written of themselves, and who says that he is a hub of it: whoever is real writes
-- it again with the next beat, which each instance makes at once when it is rung. Nobody is taken for dead meanwhile.
--
-- KEYS  settings, instances, then the others that are rebuilt by beats and sweeps
-- ARGV  prefix of the group's keys, lease ms, nudge frame
-- Returns 1.
local settings, instances, prefix = KEYS[1], KEYS[2], ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local count = redis.pcall('HLEN', settings)
if type(count) == 'table' then redis.call('UNLINK', settings) end
local known = redis.pcall('ZRANGE', instances, 0, 4095)
redis.call('UNLINK', unpack(KEYS, 2))
redis.call('HSET', settings, 'grace', string.format('%d', now + ARGV[2]), 'beat', string.format('%d', now))
for _, instance in ipairs(known.err and {} or known) do
  redis.call('SPUBLISH', prefix .. 'instance:' .. instance, ARGV[3])
end
return 1
