-- Names the keys of a group. Included by group.lua, and alone by scripts that mostly need no more of it.
--
-- KEYS  1 waiting  2 redelivery  3 lanes  4 permits  5 settings  6 hubs  7… one stream per lane, then per scope its waiting
--       and its redelivery, then the script's own
-- ARGV  1 number of lanes  2… their names, then number of scopes, their names, then the script's own
-- KEYS[own_keys + 1] and ARGV[own_args + 1] are the first of the including script's own.
local waiting, redelivery, lanes, permits, settings, hubs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local prefix = string.sub(waiting, 1, -8)
local lane_count = tonumber(ARGV[1])
local scope_count = tonumber(ARGV[2 + lane_count])
local own_keys, own_args = 6 + lane_count + 2 * scope_count, 2 + lane_count + scope_count
-- Agents may call every script with any numbers: a loop to one that nothing stands behind would never end. (No NaN passes.)
if not (lane_count >= 0 and scope_count >= 0 and own_keys <= #KEYS and own_args <= #ARGV) then
  return redis.error_reply('ERR fewer keys or arguments than were announced')
end
