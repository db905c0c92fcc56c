-- Lists requests for recover.lua: lane name, entry id and meta of each are appended to a result.
--
-- Needs: MOST_PER_SWEEP, lease, free, lane_keys, lane_names, last_delivered
-- Defines: append_row, list_excess, MOST_ORPHANS, orphans_left, has_more_orphans, list_orphans
local function append_row(result, lane, entry_id, meta)
  local n = #result
  result[n + 1], result[n + 2], result[n + 3] = lane, entry_id, meta
end

-- Requests of lane i beyond the slots that it still has, because an instance has gone or offers fewer. Only requests that nobody
-- has pulled, and the newest of them: the others are next.
local function list_excess(result, i)
  if not (free[i] < 0) then return end
  local lane_key = KEYS[lane_keys + i]
  local last = last_delivered(lane_key)
  local entries = last and redis.call('XREVRANGE', lane_key, '+', '(' .. last, 'COUNT', math.min(-free[i], 128)) or {}
  for at = #entries, 1, -1 do append_row(result, ARGV[lane_names + i], entries[at][1], entries[at][2][1]) end
end

-- Orphans of lane i: requests that were pulled, and whose lease has ended.
local MOST_ORPHANS = 100
local orphans_left, has_more_orphans = MOST_PER_SWEEP, false
local function list_orphans(result, i)
  if orphans_left <= 0 then return end
  local lane_key = KEYS[lane_keys + i]
  local orphans = redis.pcall('XPENDING', lane_key, 'agents', 'IDLE', lease, '-', '+', MOST_ORPHANS)
  if orphans.err then return end
  orphans_left = orphans_left - #orphans
  has_more_orphans = has_more_orphans or #orphans == MOST_ORPHANS
  for _, orphan in ipairs(orphans) do
    local entry = redis.call('XRANGE', lane_key, orphan[1], orphan[1])[1]
    if entry then
      append_row(result, ARGV[lane_names + i], orphan[1], string.sub(entry[2][1], 1, 512))
    else
      redis.call('XACK', lane_key, 'agents', orphan[1])
    end
  end
end
