-- Removes rows, lanes and consumers of instances that have gone.
-- registry: the keys that instances.lua takes.
--
-- Needs: MOST_PER_SWEEP, now, lease, lane_count, lane_keys, lane_names, set_slots, delete_idle_consumer, lane_group, fault
-- Defines: remove_dead_instances, members, has_members, remove_empty_lane, MOST_LISTED, parts, part, deletes_left,
--          delete_gone_consumers

local function remove_dead_instances(registry, instances, reports)
  for _, instance in ipairs(redis.call('ZRANGEBYSCORE', instances, '-inf', now, 'LIMIT', 0, MOST_PER_SWEEP)) do
    set_slots(registry, instance, '', 0, '-')
    redis.call('ZREM', instances, instance)
    redis.call('HDEL', reports, instance)
  end
end

local members
local function has_members(registry, lane)
  if not members then
    members = {}
    for _, row in ipairs(redis.call('HVALS', registry.slots)) do members[string.match(row, '^%S*')] = true end
  end
  return members[lane]
end

-- Removes lane i when no instance and no request is in it. The first lane of each set of scopes stays.
local function remove_empty_lane(registry, i)
  local lane_key, name = KEYS[lane_keys + i], ARGV[lane_names + i]
  local text = redis.call('HGET', registry.lanes, name)
  local slots = tonumber(text) or 0
  -- If it counted as 0, the group would lose its slots silently.
  if text and not tonumber(text) then fault = string.format('slots of lane %s that are no number', name) end
  local is_first = string.match(name, '^%d+') == '0'
  if slots <= 0 and not has_members(registry, name) and not is_first and redis.call('XLEN', lane_key) == 0 then
    redis.call('HDEL', registry.lanes, name)
    redis.call('UNLINK', lane_key)
  end
end

-- Listing a thousand consumers takes milliseconds, and nothing waits for it. So each sweep of a large group lists those of some
-- lanes.
local MOST_LISTED = 8
local parts = math.ceil(lane_count / MOST_LISTED)
local part = math.floor(now / 1000) % parts

local deletes_left = MOST_PER_SWEEP
local function delete_gone_consumers(instances, i)
  if i % parts ~= part then return end
  local lane_key = KEYS[lane_keys + i]
  if not lane_group(lane_key) then return end
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', lane_key, 'agents')) do
    local name, idle = consumer[2], consumer[6]
    if deletes_left <= 0 then return end
    if idle > lease and not redis.call('ZSCORE', instances, name) then
      delete_idle_consumer(lane_key, name)
      deletes_left = deletes_left - 1
    end
  end
end
