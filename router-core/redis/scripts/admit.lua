-- Admits a batch of requests: each goes to a lane with a free slot, else it waits, else it is refused.
--
-- KEYS  group.lua's, then, when asked before, per request its down streams from this attempt to the last
-- ARGV  group.lua's, then: hub, hub lease ms, queue depth, epoch that the hub knew when it asked first, and per request:
--       id, "attempt maxAttempts flags", scope (- for none; one of those given), ms to the deadline, ms it may wait, the last
--       attempt that it was asked with before (0: never), payload
-- Returns per request: "<lane> <entry>" handed over, "w <entry>" or "w:<scope> <entry>" waiting, "full" no room to wait, "busy"
-- may not wait, "known" asked before and found, "lost" asked before, Redis has lost its data since, and it must not run twice.
--!include lib/group
--!include lib/measure-lines
--!include lib/hand-over
local hub, depth, is_same_epoch = ARGV[own_args + 1], ARGV[own_args + 3], ARGV[own_args + 4] == epoch
redis.call('ZADD', hubs, string.format('%d', now + ARGV[own_args + 2]), hub)

local queued = measure_lines(lines)
if queued > 0 then
  --!include lib/bells
  --!include lib/promote
  promote()
  ring_bells(prefix, 'hub')
  queued = measure_lines(lines)
end

-- Reads the ids of all waiting requests, once for all requests of the batch.
local in_line
local function read_lines()
  --!include lib/meta
  in_line = {}
  local left = math.min(tonumber(depth), 1000000) + 1000
  for _, line in ipairs(lines) do
    for _, stream in ipairs({ line.waiting, line.redelivery }) do
      local entries = left > 0 and redis.call('XRANGE', stream, '-', '+', 'COUNT', left) or {}
      left = left - #entries - 1
      for _, entry in ipairs(entries) do
        local m = parse_meta(entry[2][1])
        if m then in_line[m.id] = true end
      end
    end
  end
end

-- True when an earlier call, whose reply was lost, has admitted this request.
local next_down = own_keys
local function is_known(id, first, last)
  for attempt = first, last do
    next_down = next_down + 1
    local known = redis.call('EXISTS', KEYS[next_down]) == 1 or redis.call('ZSCORE', permits, id .. ':' .. attempt)
    if known then
      next_down = next_down + last - attempt
      return true
    end
  end
  if not in_line then read_lines() end
  return in_line[id]
end

local places = {}
for a = own_args + 4, #ARGV - 7, 7 do
  local id, head, scope, payload = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 7]
  local deadline_ms, wait_ms = ARGV[a + 4], ARGV[a + 5]
  local asked_before = ARGV[a + 6] ~= '0'
  local attempt = string.match(head, '^%d+')
  local place
  if asked_before and is_known(id, tonumber(attempt), tonumber(ARGV[a + 6])) then
    place = 'known'
  elseif asked_before and not is_same_epoch and not string.find(head, 's', 1, true) then
    place = 'lost'
  else
    local line = line_of[scope]
    local lane = line.length == 0 and room > 0 and best_lane(scope)
    local about = id .. ' ' .. head .. ' ' .. hub .. ' '
    local deadline = string.format('%d', now + deadline_ms)
    if lane then
      -- A request that is handed over at once never expires in the queue.
      place = hand_over(lane, scope, id, attempt, about .. deadline .. ' ' .. deadline .. ' ' .. scope, payload)
    elseif tonumber(wait_ms) <= 0 then
      place = 'busy'
    elseif queued >= tonumber(depth) then
      place = 'full'
    else
      local wait_until = now + math.min(tonumber(deadline_ms), tonumber(wait_ms))
      local meta = about .. deadline .. ' ' .. string.format('%d ', wait_until) .. scope
      place = line.place .. ' ' .. redis.call('XADD', line.waiting, '*', meta, payload)
      line.length, queued = line.length + 1, queued + 1
    end
  end
  places[#places + 1] = place
end
keep_new_permits()
return places
