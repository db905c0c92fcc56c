-- Reads the last problems of the processes of one group, or of the hubs, unless the key is larger than they make it.
--
-- KEYS  log
-- ARGV  none
-- Returns {"", then per process: `<process> <when it was written, Redis ms>`, JSON}, or {what is too much}.
--!include lib/check-size
local log = KEYS[1]
local excess = check_size(log, 'HLEN', 200, 16 * MIB)
if excess then return { excess } end
local rows = redis.call('HGETALL', log)
table.insert(rows, 1, '')
return rows
