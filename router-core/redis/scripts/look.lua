#!lua flags=allow-oom
-- Looks at requests that an agent has pulled late, before it starts them.
--
-- KEYS  group.lua's (the agent's lane first), then per request its up stream
-- ARGV  group.lua's, then: instance, id of the fence, then per request: entry id, hub
-- Returns per request: "run", "gone" no longer this instance's, "unwanted" it was cancelled, or its hub is gone.
--!include lib/group
--!include lib/hubs
local instance, fence = ARGV[own_args + 1], ARGV[own_args + 2]

local found = {}
for i = 1, #KEYS - own_keys do
  local entry, hub = ARGV[own_args + 1 + 2 * i], ARGV[own_args + 2 + 2 * i]
  if #redis.call('XPENDING', KEYS[7], 'agents', entry, entry, 1, instance) == 0 then
    found[i] = 'gone'
  elseif #redis.call('XRANGE', KEYS[own_keys + i], fence, fence) > 0 or not is_hub_alive(hub) then
    found[i] = 'unwanted'
  else
    found[i] = 'run'
  end
end
return found
