-- Writes changes of the configuration, all or none, and only when nobody has written since the version they were made from.
--
-- KEYS  version, audit stream, then one hash per kind of object
-- ARGV  expected version, new version, channel of changes, entries the audit stream keeps, audit entry JSON, then per change:
--       number of the hash (1-based), name, JSON ("" removes it)
-- Returns 1, or 0 when the expected version is no longer the current one.
local version, audit, hashes = KEYS[1], KEYS[2], 2
if (redis.call('GET', version) or '0') ~= ARGV[1] then return 0 end
for i = 6, #ARGV, 3 do
  local hash, name, json = KEYS[hashes + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]
  if json == '' then redis.call('HDEL', hash, name) else redis.call('HSET', hash, name, json) end
end
redis.call('SET', version, ARGV[2])
redis.call('XADD', audit, 'MAXLEN', '~', ARGV[4], '*', 'e', ARGV[5])
redis.call('PUBLISH', ARGV[3], ARGV[2])
return 1
