-- Hands requests to lanes with a free slot.
--
-- Needs: now, lease, permits, lane_count, lane_keys, lane_names, free, free_total, room
-- Defines: last_lane, most_free, work_left, best_lane, permit_expiry, new_permits, hand_over, keep_new_permits
local last_lane, most_free = {}, {}

-- The work that one call may do, counted in looks at a lane; a hand-over counts as 100. All of it takes 25 ms, in which Redis
-- does nothing else. Entries and slots may be invented, so the work needs an end. The next call does the rest.
local work_left = 250000

-- Returns the lane with the most free slots among the lanes that serve the scope, or nil when none has a free slot.
-- The lane of the scope's last hand-over keeps its turn until another lane has twice as many free slots: then requests that
-- come together are pulled and answered together. A lane's name ends with the scopes of its instances: 0+eu+gpu.
local function best_lane(scope)
  work_left = work_left - 100
  if work_left < 0 then return nil end
  local last = last_lane[scope]
  -- Handing over only takes slots away. So no lane has more than the best one had at the last look at all of them.
  if last and free[last] > 0 and 2 * free[last] >= (most_free[scope] or math.huge) then return last end
  local best
  work_left = work_left - lane_count
  for i = 1, lane_count do
    if
      free[i] > 0 and (not best or free[i] > free[best])
      and (scope == '-' or string.find(ARGV[lane_names + i] .. '+', '+' .. scope .. '+', 1, true))
    then
      best = i
    end
  end
  most_free[scope] = best and free[best]
  if last and free[last] > 0 and 2 * free[last] >= free[best] then return last end
  return best
end

-- A permit outlives the lease, so the sweep recovers an orphan before its permit lapses. The expiry is a text, because turning
-- a number into text costs as much as the rest of a permit.
local permit_expiry = string.format('%d', now + 3 * lease)
local new_permits = {}
local function hand_over(lane, scope, id, attempt, meta, payload)
  last_lane[scope] = lane
  local entry = redis.call('XADD', KEYS[lane_keys + lane], '*', meta, payload)
  new_permits[#new_permits + 1] = permit_expiry
  new_permits[#new_permits + 1] = id .. ':' .. attempt
  free[lane] = free[lane] - 1
  free_total = free_total - 1
  room = room - 1
  return ARGV[lane_names + lane] .. ' ' .. entry
end

-- Writes the permits of all hand-overs of this call with one command.
local function keep_new_permits()
  if #new_permits > 0 then redis.call('ZADD', permits, unpack(new_permits)) end
  new_permits = {}
end
