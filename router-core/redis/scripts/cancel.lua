#!lua flags=allow-oom
-- Cancels one request, wherever it is, or looks where it is. Waiting or not yet pulled: it is removed and never runs. Pulled: a
-- fence stops its agent.
--
-- KEYS  group.lua's, then: up
-- ARGV  group.lua's, then: id, place as admit.lua gave it ("" when unknown), action, reset frame, stream ttl ms
--       Action: "cancel", "leave" only when nobody has pulled it, "look" and change nothing
-- Returns "removed" it never ran, "running" its agent was stopped, "unknown" it is nowhere; and when nothing was changed: "waiting"
-- in line, "handed" to a lane and not pulled (with "leave": in this moment), "pulled".
--!include lib/group
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
--!include lib/fence
--!include lib/find-entry
local up = KEYS[own_keys + 1]
local id, place, action = ARGV[own_args + 1], ARGV[own_args + 2], ARGV[own_args + 3]
local reset, ttl = ARGV[own_args + 4], ARGV[own_args + 5]

-- A request that was handed over so lately, ms, is about to be pulled.
local JUST_NOW = 250

-- First where the hub believes the request to be.
local where, entry_id = string.match(place, '^(%S+) (%S+)$')
for _, line in ipairs(lines) do
  if where == line.place then
    if action == 'look' then
      if #redis.call('XRANGE', line.waiting, entry_id, entry_id) == 1 then return 'waiting' end
    elseif redis.call('XDEL', line.waiting, entry_id) == 1 then
      return 'removed'
    end
  end
end

local lane_key, m
for i = 1, where and lane_count or 0 do
  if ARGV[lane_names + i] == where then
    lane_key = KEYS[lane_keys + i]
    local entry = redis.call('XRANGE', lane_key, entry_id, entry_id)[1]
    m = entry and parse_meta(entry[2][1])
    break
  end
end

-- Then everywhere.
for i = 1, m and 0 or lane_count do
  lane_key = KEYS[lane_keys + i]
  entry_id, m = find_entry(lane_key, id)
  if m then break end
end
for _, line in ipairs(m and {} or lines) do
  for _, stream in ipairs({ line.redelivery, line.waiting }) do
    local entry = find_entry(stream, id)
    if entry then
      if action == 'look' then return 'waiting' end
      redis.call('XDEL', stream, entry)
      return 'removed'
    end
  end
end

if not m then
  -- Settled, or lost with the data of Redis. In that case its agent may still run it, and reads its stream once a second.
  if action == 'cancel' then fence(up, reset, ttl) end
  return 'unknown'
end

local pending = redis.pcall('XPENDING', lane_key, 'agents', entry_id, entry_id, 1)
local is_pulled = not pending.err and #pending > 0
if action ~= 'cancel' then
  if is_pulled then return 'pulled' end
  if action == 'look' or now - tonumber(string.match(entry_id, '^%d+')) < JUST_NOW then return 'handed' end
end
if not is_pulled then
  redis.call('XDEL', lane_key, entry_id)
  redis.call('ZREM', permits, id .. ':' .. m.attempt)
  measure_room()
  promote()
  ring_bells(prefix, 'hub')
  return 'removed'
end
fence(up, reset, ttl)
bell(pending[1][2], reset)
ring_bells(prefix, 'instance')
return 'running'
