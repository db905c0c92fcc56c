-- Tells by its lease if a hub is alive. Each hub is looked up once per call.
--
-- Needs: hubs, now, leases_count
-- Defines: hub_alive, is_hub_alive
local hub_alive = {}
local function is_hub_alive(hub)
  if not leases_count then return true end
  if hub_alive[hub] == nil then
    local expiry = redis.call('ZSCORE', hubs, hub)
    hub_alive[hub] = expiry and tonumber(expiry) > now or false
  end
  return hub_alive[hub]
end
