-- Needs group-names.lua. Reads the clock, the limit and the free slots.
-- A function here costs each call of each script half a microsecond: what few calls need stands where they need it.

-- Lines: where requests wait. The first is of those that ask for no scope; any lane may serve it.
local lines = { { scope = '-', waiting = waiting, redelivery = redelivery, place = 'w' } }
local line_of = { ['-'] = lines[1] }
for i = 1, scope_count do
  local scope, at = ARGV[2 + lane_count + i], 4 + lane_count + 2 * i
  lines[1 + i] = { scope = scope, waiting = KEYS[at + 1], redelivery = KEYS[at + 2], place = 'w:' .. scope }
  line_of[scope] = lines[1 + i]
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local config = redis.call('HMGET', settings, 'concurrency', 'lease', 'beat', 'grace', 'paused', 'born', 'rewound')
-- Agents can write here, too: what is no such number counts as the default until the settings are written again.
local limit, lease = tonumber(config[1]), tonumber(config[2])
if not (limit and limit >= 0) then limit = 0 end
if not (lease and lease >= 100 and lease <= 2147483647 and lease % 1 == 0) then lease = 6000 end

-- Sweeps and heartbeats (every third of the lease at most) leave the time of the last beat. A gap means that Redis itself stood still (or nobody was there):
-- every lease has run out and none of them means anything, so for one lease nobody is taken for dead. A beat of the future
-- means that the clock has gone back: all that was written before expires too late, which the next sweep puts right.
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

-- When this data began: another one than before, and Redis has lost what it knew.
local born = config[6]
if not born then
  born = string.format('%d', now)
  redis.call('HSET', settings, 'born', born)
end

-- room: permits left under the group's limit; none while the group is paused. Free slots are derived, never counted: slots
-- minus length of the lane.
local room
local free, free_total = {}, 0
local function measure_room()
  room = math.huge
  if limit > 0 then room = limit - redis.call('ZCARD', permits) end
  if config[5] == '1' then room = -math.huge end
  local slots = redis.call('HMGET', lanes, unpack(ARGV, 2, 1 + lane_count))
  free_total = 0
  for i = 1, lane_count do
    free[i] = (tonumber(slots[i]) or 0) - redis.call('XLEN', KEYS[6 + i])
    if free[i] > 0 then free_total = free_total + free[i] end
  end
end
measure_room()
