-- Names the keys and arguments that every script of a group gets first. Scripts that read the group's state as well include
-- group.lua.
--
-- KEYS  1 waiting  2 redelivery  3 lanes  4 permits  5 settings  6 hubs, then one stream per lane, then per scope its waiting
--       and its redelivery, then the script's own
-- ARGV  1 number of lanes, then their names, then number of scopes, then their names, then the script's own
--
-- Needs: none
-- Defines: waiting, redelivery, lanes, permits, settings, hubs, prefix, lane_count, lane_keys, lane_names,
--          scope_count, scope_keys, scope_names, own_keys, own_args
--
-- Lane i:  stream KEYS[lane_keys + i], name ARGV[lane_names + i].
-- Scope i: waiting KEYS[scope_keys + 2 * i - 1], redelivery KEYS[scope_keys + 2 * i], name ARGV[scope_names + i].
-- The script's own begin with KEYS[own_keys + 1] and ARGV[own_args + 1].
local waiting, redelivery, lanes, permits, settings, hubs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local prefix = string.sub(waiting, 1, -8)
local lane_keys, lane_names = 6, 1
local lane_count = tonumber(ARGV[1])
local scope_keys, scope_names = lane_keys + lane_count, lane_names + lane_count + 1
local scope_count = tonumber(ARGV[scope_names])
local own_keys, own_args = scope_keys + 2 * scope_count, scope_names + scope_count
-- Agents may call every script with any numbers. A loop up to a number without keys behind it would never end. (NaN fails, too.)
if not (lane_count >= 0 and scope_count >= 0 and own_keys <= #KEYS and own_args <= #ARGV) then
  return redis.error_reply('ERR fewer keys or arguments than were announced')
end
