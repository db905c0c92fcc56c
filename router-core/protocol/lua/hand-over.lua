-- Needs group.lua and bells.lua. Hands requests to lanes with a free slot and promotes the oldest that wait.

local new_permits = {}
local function hand_over(id, attempt, meta, payload)
  local best = 1
  for i = 2, lane_count do
    if free[i] > free[best] then best = i end
  end
  local entry = redis.call('XADD', KEYS[6 + best], '*', 'm', meta, 'p', payload)
  new_permits[#new_permits + 1] = permit_expiry
  new_permits[#new_permits + 1] = id .. ':' .. attempt
  free[best] = free[best] - 1
  free_total = free_total - 1
  room = room - 1
  return ARGV[1 + best] .. ' ' .. entry
end

local function keep_new_permits()
  if #new_permits > 0 then redis.call('ZADD', permits, unpack(new_permits)) end
  new_permits = {}
end

-- Tells the hub where its promoted request went (a hint: cancel finds it without): a frame of the one part HANDED = 64,
-- seq 0; layout in frames.ts.
local function handed_frame(m, place)
  local n = 1 + 2 + 4 + 1 + #m.id + 1 + #place
  return string.char(0, 0, math.floor(n / 256), n % 256, 64, math.floor(m.attempt / 256), m.attempt % 256, 0, 0, 0, 0, #m.id)
    .. m.id .. string.char(#place) .. place
end

local hub_alive = {}
local function is_hub_alive(hub)
  if not leases_count then return true end
  if hub_alive[hub] == nil then
    local expiry = redis.call('ZSCORE', hubs, hub)
    hub_alive[hub] = expiry and tonumber(expiry) > now or false
  end
  return hub_alive[hub]
end

-- Moves the oldest requests of one stream to the lanes. Those nobody awaits any more are dropped: their hub has answered
-- them, or is gone and its clients with it.
local function promote_from(stream)
  while free_total > 0 and room > 0 do
    local entries = redis.call('XRANGE', stream, '-', '+', 'COUNT', math.min(free_total, room, 64))
    if #entries == 0 then return end
    for _, entry in ipairs(entries) do
      redis.call('XDEL', stream, entry[1])
      local m, payload = parse_meta(entry[2][2]), entry[2][4]
      if m.deadline > now and m.wait_until > now and is_hub_alive(m.hub) then
        m.wait_until = m.deadline
        bell(m.hub, handed_frame(m, hand_over(m.id, m.attempt, meta_string(m), payload)))
      end
    end
  end
end

local function promote()
  if free_total > 0 and room > 0 then
    promote_from(redelivery)
    promote_from(waiting)
    keep_new_permits()
  end
end
