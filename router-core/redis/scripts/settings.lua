#!lua flags=allow-oom
-- Writes the part of the configuration that a group's scripts and agents need, unless a newer version is stored already.
-- Agents can write the settings, but not the configuration. So a stored version newer than the configuration's own is a lie.
-- When the lease changes, instances still beat by the old lease. Nobody is taken for dead until they know the new one.
--
-- KEYS  settings, instances
-- ARGV  prefix of the group's keys, version of the configuration that the settings are from, the configuration's own version
--       ("": not looked up), nudge frame, then fields and values in turn
-- Returns 1 written, 0 a newer version is stored. A field of an agent record that is not given is removed.
local settings, instances = KEYS[1], KEYS[2]
local prefix, version, newest, nudge = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

-- With more fields than there can be records, or another type than a hash, only the epoch of the old key is kept.
local count = redis.pcall('HLEN', settings)
if type(count) == 'table' or count > 20000 then
  local epoch = redis.pcall('HGET', settings, 'born')
  redis.call('UNLINK', settings)
  if type(epoch) == 'string' then redis.call('HSET', settings, 'born', epoch) end
end
local old = {}
local stored = redis.call('HGETALL', settings)
for i = 1, #stored, 2 do old[stored[i]] = stored[i + 1] end
local old_version = tonumber(old.version) or 0
if old_version > tonumber(version) and not (newest and old_version > newest) then return 0 end

local changed = false
local given = {}
for i = 5, #ARGV, 2 do
  local field, value = ARGV[i], ARGV[i + 1]
  given[field] = value
  if old[field] ~= value then changed = true end
end
local gone = {}
for field in pairs(old) do
  if string.sub(field, 1, 6) == 'agent:' and not given[field] then gone[#gone + 1] = field end
end
for i = 1, #gone, 1000 do redis.call('HDEL', settings, unpack(gone, i, math.min(i + 999, #gone))) end

local known = redis.pcall('ZRANGE', instances, 0, 4095)
if known.err then known = {} end
local lease, old_lease = tonumber(given.lease), tonumber(old.lease)
if not (old_lease and old_lease >= 100 and old_lease <= 2147483647 and old_lease % 1 == 0) then old_lease = 6000 end
if old_lease ~= lease and #known > 0 then
  --!include lib/clock
  redis.call('HSET', settings, 'grace', string.format('%d', now + math.max(old_lease, lease)))
end
redis.call('HSET', settings, 'version', version, unpack(ARGV, 5))
if changed or #gone > 0 then
  for _, instance in ipairs(known) do redis.call('SPUBLISH', prefix .. 'instance:' .. instance, nudge) end
end
return 1
