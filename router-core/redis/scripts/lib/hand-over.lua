-- Needs group-state.lua. Hands requests to lanes with a free slot.

-- The lane with the most free slots among those that serve the scope; nil when none has any. The one of the scope's last
-- hand-over keeps its turn until another has twice as many: requests that come together are pulled and answered together.
-- The name of a lane ends with the scopes of its instances: 0+eu+gpu.
local last_lane, most_free = {}, {}
-- What one call may do, in looks at a lane; a hand-over counts as 100. Redis does nothing else meanwhile (25 ms for all of it),
-- and entries and slots may be of somebody's invention. What is left over is for the next call.
local work_left = 250000
local function best_lane(scope)
  work_left = work_left - 100
  if work_left < 0 then return nil end
  local last = last_lane[scope]
  -- Slots only become fewer by handing over: no lane has more than the best had at the last look at all of them.
  if last and free[last] > 0 and 2 * free[last] >= (most_free[scope] or math.huge) then return last end
  local best
  work_left = work_left - lane_count
  for i = 1, lane_count do
    if
      free[i] > 0 and (not best or free[i] > free[best])
      and (scope == '-' or string.find(ARGV[1 + i] .. '+', '+' .. scope .. '+', 1, true))
    then
      best = i
    end
  end
  most_free[scope] = best and free[best]
  if last and free[last] > 0 and 2 * free[last] >= free[best] then return last end
  return best
end

-- A permit outlives the lease, so that the sweep deals with an orphan before its permit lapses. As text: turning a number
-- into it costs as much as the rest of a permit.
local permit_expiry = string.format('%d', now + 3 * lease)
local new_permits = {}
local function hand_over(lane, scope, id, attempt, meta, payload)
  last_lane[scope] = lane
  local entry = redis.call('XADD', KEYS[6 + lane], '*', meta, payload)
  new_permits[#new_permits + 1] = permit_expiry
  new_permits[#new_permits + 1] = id .. ':' .. attempt
  free[lane] = free[lane] - 1
  free_total = free_total - 1
  room = room - 1
  return ARGV[1 + lane] .. ' ' .. entry
end

local function keep_new_permits()
  if #new_permits > 0 then redis.call('ZADD', permits, unpack(new_permits)) end
  new_permits = {}
end
