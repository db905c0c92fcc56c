#!lua flags=allow-oom
-- The semaphore of one app: a request takes a permit when it comes, renews it while it runs, and releases it at its end.
--
-- KEYS  permits
-- ARGV  "take", "renew" or "release", limit, ttl ms, then request ids
-- Returns 1, or 0 for "take" when the limit is reached.
local permits, action, limit, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if action == 'release' then
  redis.call('ZREM', permits, unpack(ARGV, 4))
  return 1
end
--!include lib/clock
if action == 'take' then
  redis.call('ZREMRANGEBYSCORE', permits, '-inf', now)
  -- A later expiry is from before the clock went back. A request that still holds the permit renews it.
  for _, request in ipairs(redis.call('ZRANGEBYSCORE', permits, '(' .. now + ttl, '+inf', 'LIMIT', 0, 1000)) do
    redis.call('ZADD', permits, now + ttl, request)
  end
  if redis.call('ZCARD', permits) >= limit then return 0 end
end
for i = 4, #ARGV do redis.call('ZADD', permits, now + ttl, ARGV[i]) end
redis.call('PEXPIRE', permits, ttl)
return 1
