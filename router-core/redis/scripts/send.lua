#!lua flags=allow-oom
-- A hub's batch of frames to agents, with trims of reply frames that its clients have taken.
--
-- KEYS  streams to append to, streams to trim
-- ARGV  channel prefix, stream ttl ms, frames; per frame: instance, seq, frame, notice; per trim: first seq to keep
-- Returns the numbers of frames not taken.
--!include lib/bells
--!include lib/append-frames
local prefix = ARGV[1]
local frames = tonumber(ARGV[3])
local refused = append_frames(0, 3, frames, ARGV[2])
if refused.err then return refused end
trim_streams(frames, 3 + 4 * frames, #KEYS - frames)
ring_bells(prefix, 'instance')
return refused
