-- Appends frames to per-request streams, rings their readers, and trims what the readers have consumed.
-- The stream id of a frame is its sequence number. So Redis itself refuses a frame that is sent twice after a cut, and a fenced
-- stream takes no frame.
--
-- Needs: bell
-- Defines: append_frames, trim_streams

-- first_key: index in KEYS before the first stream. first_arg: index in ARGV before the first frame's
-- reader, seq, frame ('' = an XADD ahead in the same transaction), notice ('' = ring with the frame itself).
-- Returns the numbers of frames not taken (1-based), or the error of Redis.
local function append_frames(first_key, first_arg, count, ttl)
  local refused = {}
  for i = 1, count do
    local key, a = KEYS[first_key + i], first_arg + (i - 1) * 4
    local reader, seq, frame, notice = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4]
    local exists, taken, refusal
    if frame == '' then
      exists = redis.call('PEXPIRE', key, ttl) == 1
    else
      -- Only the first frame makes the stream: a late frame for a stream that its reader has removed leaves nothing behind.
      if seq == '1' then
        taken = redis.pcall('XADD', key, '1-0', 'f', frame)
      else
        taken = redis.pcall('XADD', key, 'NOMKSTREAM', seq .. '-0', 'f', frame)
      end
      refusal = type(taken) == 'table' and taken.err
      if refusal then
        if not string.find(refusal, 'equal or smaller') then return taken end
        exists = true
      elseif seq == '1' then
        redis.call('PEXPIRE', key, ttl)
      end
    end
    -- A frame that is in the stream already counts as taken, unless the stream is fenced.
    if exists then
      --!include lib/fence
      taken = not is_fenced(key)
    end
    if taken then
      if reader ~= '' then bell(reader, notice ~= '' and notice or frame) end
    else
      refused[#refused + 1] = i
    end
  end
  return refused
end

-- KEYS are the streams, ARGV the first sequence number to keep of each.
local function trim_streams(first_key, first_arg, count)
  for i = 1, count do
    redis.call('XTRIM', KEYS[first_key + i], 'MINID', ARGV[first_arg + i] .. '-0')
  end
end
