#!lua flags=allow-oom
-- Keeps a group in order, once a second, from every hub. Says that the hub lives, removes instances whose lease has ended, drops
-- requests that nobody awaits, and gives free slots to the requests that have waited for the longest time. Lists for
-- recover.lua what agents have left behind: orphans, and requests beyond the slots that their lane still has.
-- Any number of hubs may sweep at the same time. No job of a sweep does more than MOST_PER_SWEEP of anything.
--
-- KEYS  group.lua's, then: slots, agent-slots, instances, reports
-- ARGV  group.lua's, then: hub, hub lease ms
-- Fails with FAULTY when the group has grown beyond what hubs and agents make.
-- Returns {live instances, requests in line, live hubs, names of all lanes, epoch, numbers as measure-capacity.lua writes them
-- and 1 when this sweep has left orphans or requests to promote, then per request for recover.lua: lane name, entry id, its meta}.
--!include lib/group
local instances, reports = KEYS[own_keys + 3], KEYS[own_keys + 4]
local registry = { lanes = lanes, slots = KEYS[own_keys + 1], agent_slots = KEYS[own_keys + 2] }
local hub, hub_lease = ARGV[own_args + 1], tonumber(ARGV[own_args + 2])

-- Redis must never stand still for one group. The next sweep does the rest.
local MOST_PER_SWEEP = 1000
--!include lib/check-size
--!include lib/measure-lines
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
--!include lib/instances
--!include lib/correct-expiries
--!include lib/lane-group
--!include lib/remove-gone
--!include lib/last-delivered
--!include lib/list-left-behind
--!include lib/move-late
--!include lib/drop-unawaited
--!include lib/measure-capacity

-- Nothing of a group that is too large is walked.
local excess = find_excess(lanes, registry.slots, registry.agent_slots, instances, reports, hubs)
if excess then return redis.error_reply('FAULTY ' .. excess) end
redis.call('HSET', settings, 'beat', string.format('%d', now))

clamp_expiries(instances, now + lease)
clamp_expiries(hubs, now + lease)
clamp_expiries(permits, now + 3 * lease)
if rewound then
  redis.call('HDEL', settings, 'rewound')
  restart_leases()
end

redis.call('ZADD', hubs, now + hub_lease, hub)
redis.call('ZREMRANGEBYSCORE', hubs, '-inf', now - 60000)
if leases_count then remove_dead_instances(registry, instances, reports) end

local queued = measure_lines(lines)
local result = { redis.call('ZCARD', instances), queued, redis.call('ZCOUNT', hubs, now, '+inf'), {}, epoch, '' }
measure_room()
for i = 1, lane_count do
  list_excess(result, i)
  remove_empty_lane(registry, i)
  if leases_count then
    list_orphans(result, i)
    delete_gone_consumers(instances, i)
  end
end
for _, line in ipairs(lines) do
  drop_unawaited(line.redelivery)
  drop_unawaited(line.waiting)
end
if leases_count then redis.call('ZREMRANGEBYSCORE', permits, '-inf', now) end

measure_room()
local has_more = promote()
if lane_count > 1 then
  for i = 1, lane_count do move_late(i) end
  keep_new_permits()
end

result[4] = redis.call('HKEYS', lanes)
result[6] = measure_capacity(reports, queued) .. ((has_more or has_more_orphans) and ' 1' or ' 0')
ring_bells(prefix, 'hub')
if fault then return redis.error_reply('FAULTY ' .. fault) end
return result
