-- Reads the clock of Redis, the only clock that processes compare.
--
-- Needs: none
-- Defines: clock, now
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
