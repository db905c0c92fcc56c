#!lua flags=allow-oom
-- Renews the registration of idle instances whose reports have not changed, as long as settings and lanes have not changed
-- either. This costs less than a heartbeat of each. An instance that is not renewed must send a heartbeat.
--
-- KEYS  settings, lanes, instances
-- ARGV  version of the settings and number of lanes that the instances know, then their names
-- Returns {Redis ms, lease ms, then the numbers (1-based) of the instances that are renewed}.
local settings, lanes, instances = KEYS[1], KEYS[2], KEYS[3]
--!include lib/clock
local config = redis.call('HMGET', settings, 'lease', 'version', 'beat')
local lease, beat = tonumber(config[1]), tonumber(config[3])
if not (lease and lease >= 100 and lease <= 2147483647 and lease % 1 == 0) then lease = 6000 end
local result = { string.format('%d', now), string.format('%d', lease) }
if (config[2] or '0') ~= ARGV[1] or redis.call('HLEN', lanes) ~= tonumber(ARGV[2]) then return result end

-- A gap since the last beat, or a clock that has gone back, stays visible for a script that deals with it (group-state.lua).
if beat and now - beat <= lease / 2 and beat - now <= lease / 2 then
  redis.call('HSET', settings, 'beat', string.format('%d', now))
end
local expiry = string.format('%d', now + lease)
for i = 3, #ARGV do
  -- XX: an instance that has left, or that the sweep has taken for dead, is not registered again.
  if redis.call('ZADD', instances, 'XX', 'CH', expiry, ARGV[i]) == 1 then result[#result + 1] = i - 2 end
end
return result
