#!lua flags=allow-oom
-- Keeps the last problems of one process. A process that has been silent for an hour loses its row, and so does the most silent
-- one of more than 100.
--
-- KEYS  log
-- ARGV  process, JSON
-- Returns nothing. Repeatable: the row of the process is replaced.
--!include lib/clock
local log, process, problems = KEYS[1], ARGV[1], ARGV[2]
local most_rows, hour = 100, 3600000

-- Somebody else has written here: router-api shows nothing of it, and a repair removes it.
if redis.call('HLEN', log) > 2 * most_rows then return end

-- A row is named `<process> <when it was written, Redis ms>`, so that its age is known without reading it.
local rows = {}
for _, name in ipairs(redis.call('HKEYS', log)) do
  local owner, at = string.match(name, '^(%S+) (%d+)$')
  local age = now - (tonumber(at) or 0)
  if owner == process or not owner or age > hour or age < -5000 then
    redis.call('HDEL', log, name)
  else
    rows[#rows + 1] = { name = name, age = age }
  end
end
table.sort(rows, function(a, b) return a.age > b.age end)
for i = 1, #rows - most_rows + 1 do redis.call('HDEL', log, rows[i].name) end
redis.call('HSET', log, process .. ' ' .. string.format('%d', now), problems)
redis.call('PEXPIRE', log, hour)
