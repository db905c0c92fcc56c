#!lua flags=allow-oom
-- Writes what a group's scripts and agents need to know. When the lease changes, instances still beat by the old one: until
-- they have heard of the new, nobody is taken for dead.
--
-- KEYS  settings, instances
-- ARGV  concurrency, lease ms
local settings, concurrency, lease = KEYS[1], ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local old = tonumber(redis.call('HGET', settings, 'lease') or '6000')
if old ~= tonumber(lease) and redis.call('ZCARD', KEYS[2]) > 0 then
  redis.call('HSET', settings, 'grace', string.format('%.0f', now + math.max(old, tonumber(lease))))
end
redis.call('HSET', settings, 'concurrency', concurrency, 'lease', lease)
return 1
