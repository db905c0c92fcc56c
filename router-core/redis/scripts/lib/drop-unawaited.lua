-- Drops requests from the head of a line that nobody awaits: their time is over, or their hub has gone.
--
-- Needs: MOST_PER_SWEEP, now, parse_meta, is_hub_alive
-- Defines: drops_left, drop_unawaited
local drops_left = 5 * MOST_PER_SWEEP
local function drop_unawaited(stream)
  repeat
    local entries, dropped = redis.call('XRANGE', stream, '-', '+', 'COUNT', 16), 0
    for _, entry in ipairs(entries) do
      local m = parse_meta(entry[2][1])
      if not m or m.deadline <= now or m.wait_until <= now or not is_hub_alive(m.hub) then
        dropped = dropped + redis.call('XDEL', stream, entry[1])
      end
    end
    drops_left = drops_left - dropped
  until dropped < 16 or drops_left <= 0
end
