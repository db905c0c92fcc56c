#!lua flags=allow-oom
-- Tells an agent which of the requests that it has pulled late it should start.
--
-- KEYS  group.lua's (the agent's lane first), then per request its up stream
-- ARGV  group.lua's, then: instance, id of the fence, then per request: entry id, hub
-- Returns per request: "run", "gone" no longer this instance's, "unwanted" it was cancelled, or its hub is gone.
--!include lib/group
--!include lib/hubs
local lane_key, instance, fence_id = KEYS[lane_keys + 1], ARGV[own_args + 1], ARGV[own_args + 2]

local found = {}
for i = 1, #KEYS - own_keys do
  local up, a = KEYS[own_keys + i], own_args + 2 * i
  local entry, hub = ARGV[a + 1], ARGV[a + 2]
  if #redis.call('XPENDING', lane_key, 'agents', entry, entry, 1, instance) == 0 then
    found[i] = 'gone'
  elseif #redis.call('XRANGE', up, fence_id, fence_id) > 0 or not is_hub_alive(hub) then
    found[i] = 'unwanted'
  else
    found[i] = 'run'
  end
end
return found
