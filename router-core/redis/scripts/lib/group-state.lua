-- Reads the clock, the settings, the room under the limit and the free slots.
-- A function here costs each call of each script half a microsecond. So a function that few calls need is defined where they
-- need it.
--
-- Needs: waiting, redelivery, lanes, permits, settings, lane_count, lane_keys, lane_names, scope_count, scope_keys, scope_names
-- Defines: lines, line_of, config, limit, lease, grace, beat, rewound, leases_count, epoch, room, free, free_total,
--          measure_room
--!include lib/clock

-- Lines: where requests wait. The first line holds the requests that ask for no scope; any lane may serve it.
local lines = { { scope = '-', waiting = waiting, redelivery = redelivery, place = 'w' } }
local line_of = { ['-'] = lines[1] }
for i = 1, scope_count do
  local scope, at = ARGV[scope_names + i], scope_keys + 2 * i
  lines[1 + i] = { scope = scope, waiting = KEYS[at - 1], redelivery = KEYS[at], place = 'w:' .. scope }
  line_of[scope] = lines[1 + i]
end

local config = redis.call('HMGET', settings, 'concurrency', 'lease', 'beat', 'grace', 'paused', 'born', 'rewound')
-- Agents can write settings. A value that cannot be right counts as the default until a hub writes the settings again.
local limit, lease = tonumber(config[1]), tonumber(config[2])
if not (limit and limit >= 0) then limit = 0 end
if not (lease and lease >= 100 and lease <= 2147483647 and lease % 1 == 0) then lease = 6000 end

-- Sweeps and heartbeats (every third of the lease at most) store the time of the last beat. A gap means that Redis itself stood
-- still, or that nobody was connected. Then every lease has run out and no lease means anything, so nobody is taken for dead
-- for one lease. A beat in the future means that the clock has gone back. All expiries written before are too late then, and
-- the next sweep corrects them.
local grace, beat = tonumber(config[4]) or 0, config[3] and (tonumber(config[3]) or 0) or now
local rewound = config[7]
if now - beat > lease / 2 or beat - now > lease / 2 then
  grace = now + lease
  redis.call('HSET', settings, 'grace', string.format('%d', grace), 'beat', string.format('%d', now))
  if beat > now then
    rewound = '1'
    redis.call('HSET', settings, 'rewound', rewound)
  end
end
local leases_count = now >= grace

-- The epoch says when this data began. A new epoch means that Redis has lost what it knew. Its field is called born.
local epoch = config[6]
if not epoch then
  epoch = string.format('%d', now)
  redis.call('HSET', settings, 'born', epoch)
end

-- room: permits left under the group's limit; a paused group has none. Free slots are derived, never counted: slots minus
-- length of the lane.
local room
local free, free_total = {}, 0
local function measure_room()
  room = math.huge
  if limit > 0 then room = limit - redis.call('ZCARD', permits) end
  if config[5] == '1' then room = -math.huge end
  local slots = redis.call('HMGET', lanes, unpack(ARGV, lane_names + 1, lane_names + lane_count))
  free_total = 0
  for i = 1, lane_count do
    free[i] = (tonumber(slots[i]) or 0) - redis.call('XLEN', KEYS[lane_keys + i])
    if free[i] > 0 then free_total = free_total + free[i] end
  end
end
measure_room()
