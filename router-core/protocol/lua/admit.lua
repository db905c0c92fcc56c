-- Admits a batch of requests: each goes to a lane with a free slot, else it waits, else it is refused.
-- Unlinks the per-request keys of answered requests on the way.
--
-- KEYS  group.lua's, then the keys to unlink, then, when asked before, per request its down stream of every attempt
-- ARGV  group.lua's, then: hub, hub lease ms, queue depth, number of keys to unlink, number of requests, and per request:
--       id, "attempt maxAttempts flags", ms to the deadline, ms it may wait, attempts it was asked with before (0: never),
--       payload
-- Returns per request: "<lane> <entry>" handed over, "w <entry>" waiting, "full" no room to wait, "busy" may not wait,
--       "known" asked before and found.
--!include group
--!include bells
--!include hand-over
local hub, hub_lease = ARGV[own_args + 1], tonumber(ARGV[own_args + 2])
local depth, unlinks, count = tonumber(ARGV[own_args + 3]), tonumber(ARGV[own_args + 4]), tonumber(ARGV[own_args + 5])

redis.call('ZADD', hubs, now + hub_lease, hub)
if unlinks > 0 then redis.call('UNLINK', unpack(KEYS, own_keys + 1, own_keys + unlinks)) end

-- Whether an earlier call whose reply was lost has let this request in.
local next_down = own_keys + unlinks
local function is_known(id, attempts)
  for attempt = 1, attempts do
    next_down = next_down + 1
    local known = redis.call('EXISTS', KEYS[next_down]) == 1 or redis.call('ZSCORE', permits, id .. ':' .. attempt)
    if known then
      next_down = next_down + attempts - attempt
      return true
    end
  end
  for _, stream in ipairs({ waiting, redelivery }) do
    for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do
      if parse_meta(entry[2][2]).id == id then return true end
    end
  end
  return false
end

promote()
local queued = redis.call('XLEN', waiting) + redis.call('XLEN', redelivery)
local places = {}
for i = 1, count do
  local a = own_args + 5 + (i - 1) * 6
  local id, head, payload = ARGV[a + 1], ARGV[a + 2], ARGV[a + 6]
  local may_wait = tonumber(ARGV[a + 4])
  local deadline = now + tonumber(ARGV[a + 3])
  -- A request handed over at once never expires in the queue; one that may wait carries its limit.
  local wait_until = deadline
  if ARGV[a + 5] ~= '0' and is_known(id, tonumber(ARGV[a + 5])) then
    places[i] = 'known'
  else
    local direct = queued == 0 and free_total > 0 and room > 0
    if not direct then wait_until = math.min(deadline, now + may_wait) end
    local meta = id .. ' ' .. head .. ' ' .. hub .. ' ' .. string.format('%.0f %.0f', deadline, wait_until)
    if direct then
      places[i] = hand_over(id, 1, meta, payload)
    elseif may_wait <= 0 then
      places[i] = 'busy'
    elseif queued >= depth then
      places[i] = 'full'
    else
      places[i] = 'w ' .. redis.call('XADD', waiting, '*', 'm', meta, 'p', payload)
      queued = queued + 1
    end
  end
end
keep_new_permits()
ring_bells(prefix, 'hub')
return places
