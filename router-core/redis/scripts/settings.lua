#!lua flags=allow-oom
-- Writes what a group's scripts and agents need to know of the configuration, unless a newer version of it is there already.
-- When the lease changes, instances still beat by the old one: until they have heard of the new, nobody is taken for dead.
--
-- KEYS  settings, instances
-- ARGV  prefix of the group's keys, version of the configuration, nudge frame, then fields and values in turn
-- Returns 1 written, 0 a newer version is there. A field of an agent record that is not given is removed.
local settings, instances = KEYS[1], KEYS[2]
local prefix, version, nudge = ARGV[1], ARGV[2], ARGV[3]
local old = {}
local stored = redis.call('HGETALL', settings)
for i = 1, #stored, 2 do old[stored[i]] = stored[i + 1] end
if tonumber(old.version or '0') > tonumber(version) then return 0 end

local changed = false
local given = {}
for i = 4, #ARGV, 2 do
  local field, value = ARGV[i], ARGV[i + 1]
  given[field] = value
  if old[field] ~= value then changed = true end
end
local gone = {}
for field in pairs(old) do
  if string.sub(field, 1, 6) == 'agent:' and not given[field] then gone[#gone + 1] = field end
end
if #gone > 0 then redis.call('HDEL', settings, unpack(gone)) end

local lease, old_lease = tonumber(given.lease), tonumber(old.lease or '6000')
if old_lease ~= lease and redis.call('ZCARD', instances) > 0 then
  local clock = redis.call('TIME')
  local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  redis.call('HSET', settings, 'grace', string.format('%d', now + math.max(old_lease, lease)))
end
redis.call('HSET', settings, 'version', version, unpack(ARGV, 4))
if changed or #gone > 0 then
  for _, instance in ipairs(redis.call('ZRANGE', instances, 0, -1)) do
    redis.call('SPUBLISH', prefix .. 'instance:' .. instance, nudge)
  end
end
return 1
