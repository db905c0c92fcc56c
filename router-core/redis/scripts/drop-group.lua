-- Removes the keys of a group that has left the configuration, once nobody serves it any more.
--
-- KEYS  instances, hubs, then the streams that hold requests, then the others
-- ARGV  number of those streams
-- Returns 1, or 0 when an instance or a hub is alive or a request is there: the caller tries again later.
--!include lib/clock
for i = 1, 2 do
  if redis.call('ZCOUNT', KEYS[i], now, '+inf') > 0 then return 0 end
end
for i = 3, 2 + tonumber(ARGV[1]) do
  if redis.call('XLEN', KEYS[i]) > 0 then return 0 end
end
redis.call('UNLINK', unpack(KEYS))
return 1
