#!lua flags=allow-oom
-- Cancels one request, wherever it is. Waiting or not yet pulled: it is gone and never runs. Pulled: its agent is told.
--
-- KEYS  group.lua's, then: up
-- ARGV  group.lua's, then: id, place as admit.lua gave it ("" when unknown), what to do, reset frame, stream ttl ms.
--       What to do: "cancel", "leave" when nobody has pulled it, "look" and change nothing
-- Returns "removed" it never ran, "running" its agent was told; of those that change nothing: "waiting" in line, "handed" to a
-- lane and not pulled (with "leave": in this moment), "pulled"; or "unknown" it is nowhere.
--!include lib/group
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
local up = KEYS[own_keys + 1]
local id, place, what, reset = ARGV[own_args + 1], ARGV[own_args + 2], ARGV[own_args + 3], ARGV[own_args + 4]

-- What was handed over so lately, ms, is about to be pulled.
local JUST_NOW = 250

local function lane_key_of(name)
  for i = 1, lane_count do
    if ARGV[1 + i] == name then return KEYS[6 + i] end
  end
end

--!include lib/find-entry

local where, entry_id = string.match(place, '^(%S+) (%S+)$')
for _, line in ipairs(lines) do
  if where == line.place then
    if what == 'look' then
      if #redis.call('XRANGE', line.waiting, entry_id, entry_id) == 1 then return 'waiting' end
    elseif redis.call('XDEL', line.waiting, entry_id) == 1 then
      return 'removed'
    end
  end
end

local lane_key, m = where and lane_key_of(where), nil
if lane_key then
  local entry = redis.call('XRANGE', lane_key, entry_id, entry_id)[1]
  m = entry and parse_meta(entry[2][1])
end
for i = 1, m and 0 or lane_count do
  lane_key = KEYS[6 + i]
  entry_id, m = find_entry(lane_key, id)
  if m then break end
end
for _, line in ipairs(m and {} or lines) do
  for _, stream in ipairs({ line.redelivery, line.waiting }) do
    local entry = find_entry(stream, id)
    if entry then
      if what == 'look' then return 'waiting' end
      redis.call('XDEL', stream, entry)
      return 'removed'
    end
  end
end
-- Refused when it was cancelled before: then the reset is already there.
local function write_reset()
  redis.pcall('XADD', up, '2147483647-0', 'f', reset)
  redis.call('PEXPIRE', up, ARGV[own_args + 5])
end

if not m then
  -- Settled, or lost with the data of Redis: then its agent may still run it, and reads its stream once a second.
  if what == 'cancel' then write_reset() end
  return 'unknown'
end

local pending = redis.pcall('XPENDING', lane_key, 'agents', entry_id, entry_id, 1)
local is_pulled = not pending.err and #pending > 0
if what ~= 'cancel' then
  if is_pulled then return 'pulled' end
  if what == 'look' or now - tonumber(string.match(entry_id, '^%d+')) < JUST_NOW then return 'handed' end
end
if not is_pulled then
  redis.call('XDEL', lane_key, entry_id)
  redis.call('ZREM', permits, id .. ':' .. m.attempt)
  measure_room()
  promote()
  ring_bells(prefix, 'hub')
  return 'removed'
end
write_reset()
bell(pending[1][2], reset)
ring_bells(prefix, 'instance')
return 'running'
