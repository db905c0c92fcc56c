-- Deletes a consumer that owns nothing. Deleting another one would drop its pending entries.
--
-- Needs: none
-- Defines: delete_idle_consumer
local function delete_idle_consumer(lane_key, instance)
  local pending = redis.pcall('XPENDING', lane_key, 'agents', '-', '+', 1, instance)
  if not pending.err and #pending == 0 then redis.call('XGROUP', 'DELCONSUMER', lane_key, 'agents', instance) end
end
