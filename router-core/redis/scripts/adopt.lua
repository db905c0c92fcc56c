#!lua flags=allow-oom
-- Moves a pulled request to another relay: its agent has lost the link to the relay that had it, and goes on over another link.
-- The request becomes its next attempt, which does not count, under a new entry and a new permit. So whatever the former owner
-- still sends (frames, trims, a settlement) names what is gone, and no other call has to ask who owns a request.
-- A fence ends the reply stream of the former attempt. It says who goes on and where, to the hub and to whoever asks later.
-- A request that nobody awaits, or that was cancelled, is removed instead.
--
-- KEYS  group.lua's (the new owner's lane first, the former owner's last; they may be one), then: slots, agent-slots, up, down of
--       the former attempt, down of the next one
-- ARGV  group.lua's, then: entry id, id, attempt, former owner, new owner, agent record, turn, nudge frame. The turn counts how
--       often the agent has asked: a later one may take the request from whoever adopted it for an earlier one.
-- Returns {"adopted", "<lane> <entry>", "begun" or "fresh", meta}; {"continued", turn, owner, "<lane> <entry>"} somebody has
-- adopted it, as its next attempt; {"gone"} it is the former owner's no more; {"busy"} nothing was done, ask again.
-- Begun: a frame exists in either direction. Fresh: none.
--!include lib/group
--!include lib/bells
--!include lib/hand-over
--!include lib/promote
--!include lib/end-attempt
--!include lib/continued
--!include lib/instances
--!include lib/take-slot
--!include lib/lane-group
--!include lib/last-delivered
local lane_key, lane = KEYS[lane_keys + 1], ARGV[lane_names + 1]
local former_key, former_lane = KEYS[lane_keys + lane_count], ARGV[lane_names + lane_count]
local registry = { lanes = lanes, slots = KEYS[own_keys + 1], agent_slots = KEYS[own_keys + 2] }
local up, down, next_down = KEYS[own_keys + 3], KEYS[own_keys + 4], KEYS[own_keys + 5]
local entry_id, id, attempt = ARGV[own_args + 1], ARGV[own_args + 2], tonumber(ARGV[own_args + 3])
local former, owner, record = ARGV[own_args + 4], ARGV[own_args + 5], ARGV[own_args + 6]
local turn, nudge = ARGV[own_args + 7], ARGV[own_args + 8]
local ttl = 3 * lease

local pending = redis.pcall('XPENDING', former_key, 'agents', entry_id, entry_id, 1, former)
local entry = not pending.err and pending[1] and redis.call('XRANGE', former_key, entry_id, entry_id)[1]
local m = entry and parse_meta(entry[2][1])
if not m or m.id ~= id or m.attempt ~= attempt then
  local found_turn, found_owner, found_lane, found_entry = read_continued(down)
  return found_turn and { 'continued', found_turn, found_owner, found_lane .. ' ' .. found_entry } or { 'gone' }
end
local begun = redis.call('EXISTS', down, up) > 0 and 'begun' or 'fresh'
-- Asked again, because the answer was lost.
if former == owner then return { 'adopted', former_lane .. ' ' .. entry_id, begun, entry[2][1] } end

local is_wanted = m.deadline > now and m.attempt < MOST_ATTEMPTS and is_hub_alive(m.hub) and not is_fenced(up)
-- Entries after the last one that was delivered count as not pulled. So those that are there go behind the adopted one.
local MOST_UNPULLED, unpulled = 128, {}
if is_wanted then
  local last = last_delivered(lane_key)
  unpulled = last and redis.call('XRANGE', lane_key, '(' .. last, '+', 'COUNT', MOST_UNPULLED + 1)
  if not unpulled or #unpulled > MOST_UNPULLED then return { 'busy' } end
end

redis.call('XACK', former_key, 'agents', entry_id)
redis.call('XDEL', former_key, entry_id)
redis.call('ZREM', permits, id .. ':' .. attempt)
-- The agent's slot has left with it. Otherwise the lane of a relay that is dead would get another request for it.
take_slot(registry, former, record)
if not is_wanted then
  measure_room()
  promote()
  ring_bells(prefix, 'hub')
  return { 'gone' }
end

m.attempt, m.max = m.attempt + 1, m.max + 1
local meta = meta_string(m)
local adopted = redis.call('XADD', lane_key, '*', meta, entry[2][2])
redis.call('XCLAIM', lane_key, 'agents', owner, 0, adopted, 'FORCE', 'JUSTID', 'LASTID', adopted)
redis.call('ZADD', permits, permit_expiry, id .. ':' .. m.attempt)
for _, other in ipairs(unpulled) do
  redis.call('XDEL', lane_key, other[1])
  local place = lane .. ' ' .. redis.call('XADD', lane_key, '*', other[2][1], other[2][2])
  local its = parse_meta(other[2][1])
  if its then bell(its.hub, handed_frame(its, place)) end
end

local frame = continued_frame(id, attempt, table.concat({ turn, owner, lane, adopted, begun }, ' '))
fence(down, frame, ttl)
bell(m.hub, frame)
if begun == 'begun' then
  -- The stream of an attempt that goes on exists from its beginning, so that nobody takes the request for one without frames.
  redis.pcall('XADD', next_down, '0-1', 'f', '')
  redis.call('XDEL', next_down, '0-1')
  redis.call('PEXPIRE', next_down, ttl)
  redis.call('PEXPIRE', up, ttl)
end
-- The former owner, if it lives, learns of it from its next beat.
redis.call('SPUBLISH', prefix .. 'instance:' .. former, nudge)
ring_bells(prefix, 'hub')
return { 'adopted', lane .. ' ' .. adopted, begun, meta }
