-- Gives free slots to the requests that have waited for the longest time.
--
-- Needs: now, hubs, leases_count, lines, free_total, room, bell, best_lane, hand_over, keep_new_permits
-- Defines: promotions_left, handed_frame, promote_entry, promote_line, is_older, promote_oldest, promote
--!include lib/meta
--!include lib/hubs

-- One call promotes so many at most: a relay may offer thousands of slots at once, and other requests must not wait for that.
local promotions_left = 128

-- A frame that tells the hub where its promoted request went: the one part HANDED = 64, seq 0; layout in frames.ts. It is a
-- hint: cancel finds the request without it.
local function handed_frame(m, place)
  if #place > 255 then return '' end
  local n = 1 + 2 + 4 + 1 + #m.id + 1 + #place
  return string.char(0, 0, math.floor(n / 256), n % 256, 64, math.floor(m.attempt / 256), m.attempt % 256, 0, 0, 0, 0, #m.id)
    .. m.id .. string.char(#place) .. place
end

-- Takes an entry out of its line and hands it over. An entry that nobody awaits is dropped: its hub has answered the request, or
-- the hub has gone and its clients with it. So is an entry that holds no request.
local function promote_entry(stream, entry, lane)
  redis.call('XDEL', stream, entry[1])
  promotions_left = promotions_left - 1
  local m, payload = parse_meta(entry[2][1]), entry[2][2]
  if m and m.deadline > now and m.wait_until > now and is_hub_alive(m.hub) then
    m.wait_until = m.deadline
    bell(m.hub, handed_frame(m, hand_over(lane, m.scope, m.id, m.attempt, meta_string(m), payload)))
  end
end

local function promote_line(stream, scope)
  while free_total > 0 and room > 0 and promotions_left > 0 do
    local entries = redis.call('XRANGE', stream, '-', '+', 'COUNT', math.min(free_total, room, promotions_left, 64))
    if #entries == 0 then return end
    for _, entry in ipairs(entries) do
      local lane = best_lane(scope)
      if not lane then return end
      promote_entry(stream, entry, lane)
    end
  end
end

local function is_older(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)%-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)%-(%d+)$')
  if a_ms ~= b_ms then return tonumber(a_ms) < tonumber(b_ms) end
  return tonumber(a_seq) < tonumber(b_seq)
end

-- Several lines share the slots. The oldest request of all lines that some lane may serve is next.
local function promote_oldest(kind)
  while free_total > 0 and room > 0 and promotions_left > 0 do
    local stream, oldest, lane
    for _, line in ipairs(lines) do
      local candidate = best_lane(line.scope)
      local entry = candidate and redis.call('XRANGE', line[kind], '-', '+', 'COUNT', 1)[1]
      if entry and (not oldest or is_older(entry[1], oldest[1])) then
        stream, oldest, lane = line[kind], entry, candidate
      end
    end
    if not oldest then return end
    promote_entry(stream, oldest, lane)
  end
end

-- Returns true when it has ended early, so that there may be more.
local function promote()
  if free_total <= 0 or room <= 0 then return false end
  for _, kind in ipairs({ 'redelivery', 'waiting' }) do
    if #lines == 1 then promote_line(lines[1][kind], '-') else promote_oldest(kind) end
  end
  keep_new_permits()
  return promotions_left <= 0 and free_total > 0 and room > 0
end
