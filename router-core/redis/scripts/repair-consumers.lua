#!lua flags=allow-oom
-- Deletes consumers of a lane that own nothing: whoever is real is one again with its next read.
--
-- KEYS  lane
-- ARGV  consumers
-- Returns 1.
--!include lib/idle-consumer
for _, consumer in ipairs(ARGV) do delete_idle_consumer(KEYS[1], consumer) end
return 1
