#!lua flags=allow-oom
-- Takes a hub's batch: appends request frames for agents, and trims reply frames that its clients have taken.
--
-- KEYS  streams to append to, streams to trim
-- ARGV  channel prefix, stream ttl ms, frames; per frame: instance, seq, frame, notice; per trim: first seq to keep
-- Returns the numbers of the frames not taken: their stream is gone or fenced.
--!include lib/bells
--!include lib/append-frames
local prefix, ttl, frames = ARGV[1], ARGV[2], tonumber(ARGV[3])
local refused = append_frames(0, 3, frames, ttl)
if refused.err then return refused end
trim_streams(frames, 3 + 4 * frames, #KEYS - frames)
ring_bells(prefix, 'instance')
return refused
