#!lua flags=allow-oom
-- An agent's batch: reply frames appended, consumed request frames trimmed, finished requests settled, and the slots they
-- free given to the oldest that wait.
--
-- KEYS  group.lua's (the agent's own lane first), then: streams to append to, streams to trim
-- ARGV  group.lua's, then: stream ttl ms, frames, trims, settles; per frame: hub, seq, frame, notice; per trim: first seq to
--       keep; per settle: entry id, permit
-- Returns the numbers of the frames not taken: their stream is gone or fenced, nobody awaits more.
--!include group
--!include bells
--!include append-frames
local ttl, frames, trims, settles =
  ARGV[own_args + 1], tonumber(ARGV[own_args + 2]), tonumber(ARGV[own_args + 3]), tonumber(ARGV[own_args + 4])
local args = own_args + 4
local refused = append_frames(own_keys, args, frames, ttl)
if refused.err then return refused end
args = args + 4 * frames
trim_streams(own_keys + frames, args, trims)
args = args + trims

if settles > 0 then
  local entries, members = {}, {}
  for i = 1, settles do
    entries[i] = ARGV[args + 2 * i - 1]
    members[i] = ARGV[args + 2 * i]
  end
  redis.call('XACK', KEYS[7], 'agents', unpack(entries))
  local deleted = redis.call('XDEL', KEYS[7], unpack(entries))
  local released = redis.call('ZREM', permits, unpack(members))
  free_total = free_total - math.max(free[1], 0) + math.max(free[1] + deleted, 0)
  free[1] = free[1] + deleted
  room = room + released
  if free_total > 0 and room > 0 and measure_lines() > 0 then
    --!include hand-over
    --!include promote
    promote()
  end
end
ring_bells(prefix, 'hub')
return refused
