#!lua flags=allow-oom
-- Checks some keys of a group, and removes the keys that the router does not use and the keys of a wrong type.
--
-- KEYS  lanes, then the keys
-- ARGV  ttl ms of the streams of a request, then per key: the type that it must have ("none": the router has no such key), and
--       "keep", "request" (the key must expire), or the name of a lane. A lane with requests becomes known; an empty lane that is
--       not known is removed
-- Returns how many keys were removed.
local lanes, ttl, removed = KEYS[1], ARGV[1], 0
for i = 2, #KEYS do
  local key, wanted, kind = KEYS[i], ARGV[2 * i - 2], ARGV[2 * i - 1]
  local found = redis.call('TYPE', key).ok
  local is_lane = kind ~= 'keep' and kind ~= 'request'
  if found ~= 'none' then
    if found ~= wanted or (is_lane and redis.call('XLEN', key) == 0 and redis.call('HEXISTS', lanes, kind) == 0) then
      removed = removed + redis.call('UNLINK', key)
    elseif is_lane then
      redis.call('HSETNX', lanes, kind, 0)
    elseif kind == 'request' and redis.call('PTTL', key) < 0 then
      redis.call('PEXPIRE', key, ttl)
    end
  end
end
return removed
