#!lua flags=allow-oom
-- Finds a lane for an instance before its first heartbeat: the emptiest of the lanes whose instances have the same scopes, a new
-- lane when all are full. Lanes are small because blocked readers cost: Redis walks all of them for each entry that is added.
-- A relay has a lane of its own: these have numbers of their own, so that every admission can look at them.
--
-- KEYS  slots, lanes, instances
-- ARGV  instance, end of the lane's name ("+eu+gpu"), most instances of one lane, lease ms, numbers that its lane may have: the
--       first, and how many
-- Returns the lane's name. Another call for the same instance returns the same name.
local slots, lanes, instances = KEYS[1], KEYS[2], KEYS[3]
local instance, lane_end, most, lease = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local first, numbers = tonumber(ARGV[5]), tonumber(ARGV[6])

local known = string.match(redis.call('HGET', slots, instance) or '', '^%S+')
if known then return known end

local members = {}
for _, row in ipairs(redis.call('HVALS', slots)) do
  local number, row_end = string.match(row, '^(%d+)(%S*) ')
  number = tonumber(number)
  local is_like_it = row_end == lane_end and number >= first and number < first + numbers
  if is_like_it then members[number] = (members[number] or 0) + 1 end
end
local best
for number, count in pairs(members) do
  local is_better = not best or count < members[best] or (count == members[best] and number < best)
  if count < most and is_better then best = number end
end
if not best then
  best = first
  while members[best] do best = best + 1 end
end

-- The instance counts from now on. The sweep removes it when no heartbeat follows.
local lane = string.format('%d', best) .. lane_end
--!include lib/clock
redis.call('ZADD', instances, string.format('%d', now + lease), instance)
redis.call('HSET', slots, instance, lane .. ' 0 -')
redis.call('HINCRBY', lanes, lane, 0)
return lane
