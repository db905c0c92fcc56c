-- Needs group.lua. What an instance adds to its lane's slots; the sum in `lanes` moves by the difference, in one script, so
-- it cannot drift. lane '' takes the instance out.
local function set_slots(slots_key, instance, lane, count)
  local old_lane, old_count = string.match(redis.call('HGET', slots_key, instance) or '', '^(%S+) (%d+)$')
  if old_lane == lane and tonumber(old_count) == count then return end
  if old_lane then redis.call('HINCRBY', lanes, old_lane, 0 - tonumber(old_count)) end
  if lane == '' then
    redis.call('HDEL', slots_key, instance)
  else
    redis.call('HSET', slots_key, instance, lane .. ' ' .. string.format('%d', count))
    redis.call('HINCRBY', lanes, lane, count)
  end
end

-- A consumer is deleted only when it owns nothing: deleting it would drop its pending entries.
local function delete_idle_consumer(lane_key, instance)
  local pending = redis.pcall('XPENDING', lane_key, 'agents', '-', '+', 1, instance)
  if not pending.err and #pending == 0 then redis.call('XGROUP', 'DELCONSUMER', lane_key, 'agents', instance) end
end
