-- Says whether what a group's keys hold is more than anybody should read: asked before they are read.
--
-- KEYS  lanes, slots, agent-slots, instances, reports, hubs
-- Returns "" or what is too much.
--!include lib/check-size
return find_excess(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]) or ''
