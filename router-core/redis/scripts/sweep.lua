#!lua flags=allow-oom
-- Once a second, from every hub: says that the hub lives, removes instances whose lease has ended, drops what nobody awaits,
-- gives free slots to the oldest that wait, and lists for recover.lua what agents have left behind: orphans, and what was handed
-- to a lane beyond the slots that it still has.
--
-- KEYS  group.lua's, then: slots, agent-slots, instances, reports
-- ARGV  group.lua's, then: hub, hub lease ms
-- Fails with FAULTY when the group has grown beyond what hubs and agents make.
-- Returns {live instances, requests in line, live hubs, names of all lanes, when the data began, numbers (see below), then per
-- request for recover.lua: lane name, entry id, its meta}.
-- Numbers, with blanks between: Redis ms, 1 when leases count, slots, requests handed out, the group's limit, permits, 1 when
-- the group is paused, and when somebody waits or there is no slot: instances that are ready, upstream-down, paused, draining.
--!include lib/group
--!include lib/measure-lines
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
--!include lib/instances
--!include lib/lane-group
local slots_key, agent_slots, instances, reports = KEYS[own_keys + 1], KEYS[own_keys + 2], KEYS[own_keys + 3], KEYS[own_keys + 4]
-- Checked before anything is read: what is beyond these is no work of ours.
--!include lib/check-size
local excess = find_excess(lanes, slots_key, agent_slots, instances, reports, hubs)
if excess then return redis.error_reply('FAULTY ' .. excess) end
-- Of everything: Redis must never stand still for one group. What is left over is for the next sweep.
local MOST = 1000

redis.call('HSET', settings, 'beat', string.format('%d', now))

-- An expiry that is further ahead than anybody writes one is of a clock that has gone back since, or of somebody who lies:
-- from now on it counts like one of now.
local function clamp(zset, latest)
  latest = string.format('%d', latest)
  local late = redis.call('ZRANGEBYSCORE', zset, '(' .. latest, '+inf', 'LIMIT', 0, MOST)
  for _, member in ipairs(late) do redis.call('ZADD', zset, latest, member) end
  -- Whoever is real comes again with the next beat.
  if #late == MOST then redis.call('ZREMRANGEBYSCORE', zset, '(' .. latest, '+inf') end
end
clamp(instances, now + lease)
clamp(hubs, now + lease)
clamp(permits, now + 3 * lease)

-- For a clock that has gone back, no entry is idle: each begins its lease anew.
if rewound then
  redis.call('HDEL', settings, 'rewound')
  for i = 1, lane_count do
    local held = redis.pcall('XPENDING', KEYS[6 + i], 'agents', '-', '+', MOST)
    for _, entry in ipairs(held.err and {} or held) do
      redis.call('XCLAIM', KEYS[6 + i], 'agents', entry[2], 0, entry[1], 'IDLE', 0, 'JUSTID')
    end
  end
end

redis.call('ZADD', hubs, now + tonumber(ARGV[own_args + 2]), ARGV[own_args + 1])
redis.call('ZREMRANGEBYSCORE', hubs, '-inf', now - 60000)

if leases_count then
  for _, instance in ipairs(redis.call('ZRANGEBYSCORE', instances, '-inf', now, 'LIMIT', 0, MOST)) do
    set_slots(slots_key, agent_slots, instance, '', 0, '-')
    redis.call('ZREM', instances, instance)
    redis.call('HDEL', reports, instance)
  end
end

-- Requests handed to a lane whose instances do not come for them (frozen, most likely) go to another that has room.
local LATE = 250

local function last_delivered(lane_key)
  local group = lane_group(lane_key)
  return group and value_of(group, 'last-delivered-id')
end

-- Requests that a lane was handed and has no slot for any more, because an instance has gone or offers fewer. The newest of those
-- that nobody has pulled: the others are next.
local function list_excess(result, lane_key, lane, count)
  local last = last_delivered(lane_key)
  local entries = last and redis.call('XREVRANGE', lane_key, '+', '(' .. last, 'COUNT', math.min(count, 128)) or {}
  for i = #entries, 1, -1 do
    for _, value in ipairs({ lane, entries[i][1], entries[i][2][1] }) do result[#result + 1] = value end
  end
end

local function move_late(i)
  local lane_key = KEYS[6 + i]
  local others = free_total - math.max(free[i], 0)
  if others <= 0 or redis.call('XLEN', lane_key) == 0 then return end
  local last = last_delivered(lane_key)
  local entries = last and redis.call('XRANGE', lane_key, '(' .. last, '+', 'COUNT', math.min(others, 64)) or {}
  local own_free, moved = free[i], 0
  free[i] = 0
  for _, entry in ipairs(entries) do
    local m, payload = parse_meta(entry[2][1]), entry[2][2]
    local lane = m and now - tonumber(string.match(entry[1], '^%d+')) > LATE and best_lane(m.scope)
    if m and not lane then break end
    redis.call('XDEL', lane_key, entry[1])
    if m then
      -- It has its permit already.
      room, moved = room + 1, moved + 1
      bell(m.hub, handed_frame(m, hand_over(lane, m.scope, m.id, m.attempt, entry[2][1], payload)))
    end
  end
  free[i] = own_free + moved
end

local members
local function has_members(lane)
  if not members then
    members = {}
    for _, row in ipairs(redis.call('HVALS', slots_key)) do members[string.match(row, '^%S*')] = true end
  end
  return members[lane]
end

-- A lane that has no instance left, and that is not the first of its kind: what is left of it is its name.
local function remove_lane(i)
  local name = ARGV[1 + i]
  if has_members(name) or string.match(name, '^%d+') == '0' or redis.call('XLEN', KEYS[6 + i]) > 0 then return end
  redis.call('HDEL', lanes, name)
  redis.call('UNLINK', KEYS[6 + i])
end

local drops_left = 5 * MOST
local function drop_unawaited(stream)
  repeat
    local entries, dropped = redis.call('XRANGE', stream, '-', '+', 'COUNT', 16), 0
    for _, entry in ipairs(entries) do
      local m = parse_meta(entry[2][1])
      if not m or m.deadline <= now or m.wait_until <= now or not is_hub_alive(m.hub) then
        dropped = dropped + redis.call('XDEL', stream, entry[1])
      end
    end
    drops_left = drops_left - dropped
  until dropped < 16 or drops_left <= 0
end

-- Appends lane name, entry id and meta of each request whose agent has let its lease end.
local orphans_left = MOST
local function list_orphans(result, lane_key, lane)
  if orphans_left <= 0 then return end
  local orphans = redis.pcall('XPENDING', lane_key, 'agents', 'IDLE', lease, '-', '+', 100)
  if orphans.err then return end
  orphans_left = orphans_left - #orphans
  for _, orphan in ipairs(orphans) do
    local entry = redis.call('XRANGE', lane_key, orphan[1], orphan[1])[1]
    if entry then
      for _, value in ipairs({ lane, orphan[1], string.sub(entry[2][1], 1, 512) }) do result[#result + 1] = value end
    else
      redis.call('XACK', lane_key, 'agents', orphan[1])
    end
  end
end

-- Of a large group the consumers of some lanes with each sweep: to list a thousand takes milliseconds, and nothing waits for it.
local MOST_LISTED = 8
local parts = math.ceil(lane_count / MOST_LISTED)
local part = math.floor(now / 1000) % parts

local deletes_left = MOST
local function delete_gone_consumers(i)
  if i % parts ~= part then return end
  local lane_key = KEYS[6 + i]
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

-- What each says of itself is JSON; a state is a word that is looked for.
local MOST_REPORTS = 2000
local function count_states()
  local counts = { ready = 0, ['upstream-down'] = 0, paused = 0, draining = 0 }
  if redis.call('HLEN', reports) <= MOST_REPORTS then
    for _, report in ipairs(redis.call('HVALS', reports)) do
      local state = string.match(report, '"state":"([a-z-]+)"')
      if counts[state] then counts[state] = counts[state] + 1 end
    end
  end
  return string.format('%d %d %d %d', counts.ready, counts['upstream-down'], counts.paused, counts.draining)
end

local function numbers(queued)
  local slots, taken = 0, 0
  local per_lane = redis.call('HMGET', lanes, unpack(ARGV, 2, 1 + lane_count))
  for i = 1, lane_count do
    local count = tonumber(per_lane[i] or '0') or 0
    slots, taken = slots + count, taken + count - free[i]
  end
  local states = (queued > 0 or slots <= 0) and count_states() or '0 0 0 0'
  return string.format('%d %d %d %d %d %d %d %s', now, leases_count and 1 or 0, slots, taken, limit,
    redis.call('ZCARD', permits), config[5] == '1' and 1 or 0, states)
end

local queued = measure_lines()
local result = { redis.call('ZCARD', instances), queued, redis.call('ZCOUNT', hubs, now, '+inf'), {}, born, '' }
measure_room()
for i = 1, lane_count do
  local lane_key, lane = KEYS[6 + i], ARGV[1 + i]
  if free[i] < 0 then list_excess(result, lane_key, lane, -free[i]) end
  local count = redis.call('HGET', lanes, lane)
  if (tonumber(count) or 0) <= 0 then remove_lane(i) end
  -- Counted as none, it would leave the group without slots and nobody would be told.
  if count and not tonumber(count) then fault = string.format('slots of lane %s that are no number', lane) end
  if leases_count then
    list_orphans(result, lane_key, lane)
    delete_gone_consumers(i)
  end
end
for _, line in ipairs(lines) do
  drop_unawaited(line.redelivery)
  drop_unawaited(line.waiting)
end
if leases_count then redis.call('ZREMRANGEBYSCORE', permits, '-inf', now) end
measure_room()
promote()
if lane_count > 1 then
  for i = 1, lane_count do move_late(i) end
  keep_new_permits()
end
result[4] = redis.call('HKEYS', lanes)
result[6] = numbers(queued)
ring_bells(prefix, 'hub')
if fault then return redis.error_reply('FAULTY ' .. fault) end
return result
