#!lua flags=allow-oom
-- Deletes consumers of a lane that own nothing. A live instance becomes a consumer again with its next read.
--
-- KEYS  lane
-- ARGV  consumers
-- Returns 1.
--!include lib/idle-consumer
for _, consumer in ipairs(ARGV) do delete_idle_consumer(KEYS[1], consumer) end
return 1
