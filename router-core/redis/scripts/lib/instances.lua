-- Keeps the slots of instances, and the sums per lane and per agent record. The sums move by the difference, in the same script
-- as the row, so they cannot drift.
--
-- registry: the keys { lanes = …, slots = …, agent_slots = … }. record: the agent record, "-" for an instance without one.
--
-- Needs: none
-- Defines: add_slots, slots_of, set_slots, delete_idle_consumer

-- A lane without slots keeps its field until the sweep removes the lane.
local function add_slots(registry, lane, record, difference)
  redis.call('HINCRBY', registry.lanes, lane, difference)
  if redis.call('HINCRBY', registry.agent_slots, record, difference) == 0 then
    redis.call('HDEL', registry.agent_slots, record)
  end
end

-- Returns lane, slots and record of an instance: nil, 0 and nil when it is not registered.
local function slots_of(registry, instance)
  local row = redis.call('HGET', registry.slots, instance) or ''
  local lane, count, record = string.match(row, '^(%S+) (%d+) (%S+)$')
  return lane, tonumber(count or '0'), record
end

-- Lane '' removes the instance. Returns true when anything has changed.
local function set_slots(registry, instance, lane, count, record)
  local old_lane, old_count, old_record = slots_of(registry, instance)
  if old_lane == lane and old_count == count and old_record == record then return false end
  if old_lane then add_slots(registry, old_lane, old_record, 0 - old_count) end
  if lane == '' then
    redis.call('HDEL', registry.slots, instance)
  else
    redis.call('HSET', registry.slots, instance, lane .. ' ' .. string.format('%d', count) .. ' ' .. record)
    add_slots(registry, lane, record, count)
  end
  return true
end

-- A consumer is deleted only when it owns nothing, because deleting it would drop its pending entries.
local function delete_idle_consumer(lane_key, instance)
  local pending = redis.pcall('XPENDING', lane_key, 'agents', '-', '+', 1, instance)
  if not pending.err and #pending == 0 then redis.call('XGROUP', 'DELCONSUMER', lane_key, 'agents', instance) end
end
