-- Keeps the slots of instances, and the sums per lane and per agent record. The sums move by the difference, in the same script
-- as the row, so they cannot drift.
--
-- A row is "lane slots shares". Shares name the agent records that have the slots: one record, "-" for an instance without one,
-- or, for a relay, "record=slots,record=slots". The rows of a relay with many records are <instance>, <instance>/1, and so on.
--
-- registry: the keys { lanes = …, slots = …, agent_slots = … }.
--
-- Needs: none
-- Defines: slots_of, count_shares, set_slots

-- Returns lane, slots and shares of a row: nil, 0 and nil when there is none.
local function slots_of(registry, instance)
  local row = redis.call('HGET', registry.slots, instance) or ''
  local lane, count, shares = string.match(row, '^(%S+) (%d+) (%S+)$')
  return lane, tonumber(count or '0'), shares
end

-- Adds the slots that each record has in a row, `sign` times, to `counts`.
local function count_shares(counts, shares, slots, sign)
  if not string.find(shares, '=', 1, true) then
    counts[shares] = (counts[shares] or 0) + sign * slots
    return
  end
  for record, own in string.gmatch(shares, '([^=,]+)=(%d+)') do
    counts[record] = (counts[record] or 0) + sign * tonumber(own)
  end
end

-- Lane '' removes the instance. Returns true when anything has changed. A lane without slots keeps its field until the sweep
-- removes the lane.
local function set_slots(registry, instance, lane, count, shares)
  local old_lane, old_count, old_shares = slots_of(registry, instance)
  if old_lane == lane and old_count == count and old_shares == shares then return false end
  local differences = {}
  if old_lane then
    redis.call('HINCRBY', registry.lanes, old_lane, 0 - old_count)
    count_shares(differences, old_shares, old_count, -1)
  end
  if lane == '' then
    redis.call('HDEL', registry.slots, instance)
  else
    redis.call('HSET', registry.slots, instance, lane .. ' ' .. string.format('%d', count) .. ' ' .. shares)
    redis.call('HINCRBY', registry.lanes, lane, count)
    count_shares(differences, shares, count, 1)
  end
  for record, difference in pairs(differences) do
    if difference ~= 0 and redis.call('HINCRBY', registry.agent_slots, record, difference) == 0 then
      redis.call('HDEL', registry.agent_slots, record)
    end
  end
  return true
end

--!include lib/idle-consumer
