-- Reads the whole configuration as of one moment.
--
-- KEYS  version, then one hash per kind of object
-- ARGV  none
-- Returns {version ("0" when nothing was ever written), then per hash its names and JSON texts in turn}.
local result = { redis.call('GET', KEYS[1]) or '0' }
for i = 2, #KEYS do result[i] = redis.call('HGETALL', KEYS[i]) end
return result
