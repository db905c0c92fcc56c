-- Moves requests whose lane does not pull them to lanes with a free slot. The instances of such a lane are frozen, most likely.
--
-- Needs: now, lane_keys, free, free_total, room, bell, parse_meta, handed_frame, best_lane, hand_over, last_delivered
-- Defines: LATE, move_late

-- A request that was handed over so long ago, ms, should have been pulled.
local LATE = 250

-- Moves the late requests of lane i. A moved request keeps its attempt and its permit.
local function move_late(i)
  local lane_key = KEYS[lane_keys + i]
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
      -- hand_over takes a permit from the room, and this request has one already.
      room, moved = room + 1, moved + 1
      bell(m.hub, handed_frame(m, hand_over(lane, m.scope, m.id, m.attempt, entry[2][1], payload)))
    end
  end
  free[i] = own_free + moved
end
