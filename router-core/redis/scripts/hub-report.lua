#!lua flags=allow-oom
-- Stores the report of a hub, and which tokens it has seen. Removes reports of hubs that have been silent for a minute, and
-- repairs that were asked for an hour ago.
--
-- KEYS  hubs, used, repairs
-- ARGV  hub, report JSON ("" takes it out), then ids of tokens that were used
-- Returns the repairs: group and when it was asked for, in turn.
local hubs, used, repairs, hub, report = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]
--!include lib/clock
local at = string.format('%d', now)
if report == '' then
  redis.call('HDEL', hubs, hub)
else
  redis.call('HSET', hubs, hub, '{"at":' .. at .. ',' .. string.sub(report, 2))
end
local reports = redis.call('HGETALL', hubs)
for i = 1, #reports, 2 do
  local age = now - tonumber(string.match(reports[i + 1], '^{"at":(%d+)') or '0')
  -- A report in the future is from before the clock went back: a live hub sends another one in two seconds.
  if age > 60000 or age < -5000 then redis.call('HDEL', hubs, reports[i]) end
end
for i = 3, #ARGV do redis.call('HSET', used, ARGV[i], at) end
local asked = redis.call('HGETALL', repairs)
for i = 1, #asked, 2 do
  if math.abs(now - asked[i + 1]) > 3600000 then redis.call('HDEL', repairs, asked[i]) end
end
return asked
