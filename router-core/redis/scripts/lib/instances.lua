-- Needs group-names.lua. What an instance adds to its lane's slots, and to those of its agent record ("-" when it has none); the sums
-- move by the difference, in one script, so they cannot drift. lane '' takes the instance out. Returns whether anything has changed.
local function add_slots(hash, field, difference)
  if redis.call('HINCRBY', hash, field, difference) == 0 and hash ~= lanes then redis.call('HDEL', hash, field) end
end

local function slots_of(slots_key, instance)
  local lane, count, record = string.match(redis.call('HGET', slots_key, instance) or '', '^(%S+) (%d+) (%S+)$')
  return lane, tonumber(count or '0'), record
end

local function set_slots(slots_key, agent_slots, instance, lane, count, record)
  local old_lane, old_count, old_record = slots_of(slots_key, instance)
  if old_lane == lane and old_count == count and old_record == record then return false end
  if old_lane then
    add_slots(lanes, old_lane, 0 - old_count)
    add_slots(agent_slots, old_record, 0 - old_count)
  end
  if lane == '' then
    redis.call('HDEL', slots_key, instance)
  else
    redis.call('HSET', slots_key, instance, lane .. ' ' .. string.format('%d', count) .. ' ' .. record)
    add_slots(lanes, lane, count)
    add_slots(agent_slots, record, count)
  end
  return true
end

--!include lib/idle-consumer
