#!lua flags=allow-oom
-- A hub's batch of frames to agents, with trims of reply frames that its clients have taken.
--
-- KEYS  streams to append to, streams to trim
-- ARGV  channel prefix, stream ttl ms, frames, trims; per frame: instance, seq, frame, notice; per trim: first seq to keep
-- Returns the numbers of frames not taken.
--!include bells
--!include append-frames
local prefix = ARGV[1]
local frames, trims = tonumber(ARGV[3]), tonumber(ARGV[4])
local refused = append_frames(0, 4, frames, ARGV[2])
if refused.err then return refused end
trim_streams(frames, 4 + 4 * frames, trims)
ring_bells(prefix, 'instance')
return refused
