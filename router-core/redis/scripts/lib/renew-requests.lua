-- Renews the requests that an instance runs: the leases of their entries, their permits, and their streams.
--
-- Needs: lane_key, permits, permit_expiry, is_hub_alive
-- Defines: renew_requests

-- KEYS after `first_key` are the up and the down stream of each request, ARGV after `first_arg` its entry, permit and hub, in the
-- order of the entries. Returns for each: "" held, "lost" no longer this instance's, "abandoned" its hub is gone, "gone" both.
local function renew_requests(instance, first_key, first_arg, count, ttl)
  local fates, owned, entries, members = {}, {}, {}, {}
  if count == 0 then return fates end
  local first, last = ARGV[first_arg + 1], ARGV[first_arg + 3 * count - 2]
  for _, entry in ipairs(redis.call('XPENDING', lane_key, 'agents', first, last, 10000, instance)) do owned[entry[1]] = true end
  for i = 1, count do
    local a = first_arg + (i - 1) * 3
    local entry, permit, hub = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3]
    if not owned[entry] then
      fates[i] = is_hub_alive(hub) and 'lost' or 'gone'
    else
      entries[#entries + 1] = entry
      members[#members + 1], members[#members + 2] = permit_expiry, permit
      redis.call('PEXPIRE', KEYS[first_key + 2 * i - 1], ttl)
      redis.call('PEXPIRE', KEYS[first_key + 2 * i], ttl)
      fates[i] = is_hub_alive(hub) and '' or 'abandoned'
    end
  end
  if #entries > 0 then
    entries[#entries + 1] = 'JUSTID'
    redis.call('XCLAIM', lane_key, 'agents', instance, 0, unpack(entries))
    redis.call('ZADD', permits, unpack(members))
  end
  return fates
end
