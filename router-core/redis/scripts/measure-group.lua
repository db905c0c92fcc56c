-- Checks that the keys of a group are small enough to be read. Readers call it before they read them.
--
-- KEYS  lanes, slots, agent-slots, instances, reports, hubs
-- ARGV  none
-- Returns "", or the key that is too large.
--!include lib/check-size
local lanes, slots, agent_slots, instances, reports, hubs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
return find_excess(lanes, slots, agent_slots, instances, reports, hubs) or ''
