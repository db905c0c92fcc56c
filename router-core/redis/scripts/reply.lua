#!lua flags=allow-oom
-- Takes an agent's batch: appends reply frames, trims consumed request frames, settles finished requests, and gives their slots
-- to the oldest waiting requests.
--
-- KEYS  group.lua's (the agent's own lane first), then: streams to append to, streams to trim
-- ARGV  group.lua's, then: stream ttl ms, frames; per frame: hub, seq, frame, notice; per trim: first seq to keep; per settle:
--       entry id, permit
-- Returns the numbers of the frames not taken: their stream is gone or fenced, nobody awaits more.
--!include lib/group-names
--!include lib/bells
--!include lib/append-frames
local frames, args = tonumber(ARGV[own_args + 2]), own_args + 2
local refused = append_frames(own_keys, args, frames, ARGV[own_args + 1])
if refused.err then return refused end
args = args + 4 * frames
local trims = #KEYS - own_keys - frames
trim_streams(own_keys + frames, args, trims)
args = args + trims

if #ARGV > args then
  local entries, members = {}, {}
  for at = args + 1, #ARGV, 2 do
    entries[#entries + 1] = ARGV[at]
    members[#members + 1] = ARGV[at + 1]
  end
  local own_lane = KEYS[lane_keys + 1]
  redis.call('XACK', own_lane, 'agents', unpack(entries))
  redis.call('XDEL', own_lane, unpack(entries))
  redis.call('ZREM', permits, unpack(members))
  -- Mostly nothing waits. Then the state of the group is not needed.
  local queued = redis.call('XLEN', waiting) + redis.call('XLEN', redelivery)
  for line = scope_keys + 1, own_keys do queued = queued + redis.call('XLEN', KEYS[line]) end
  if queued > 0 then
    --!include lib/group-state
    if free_total > 0 and room > 0 then
      --!include lib/hand-over
      --!include lib/promote
      promote()
    end
  end
end
ring_bells(prefix, 'hub')
return refused
