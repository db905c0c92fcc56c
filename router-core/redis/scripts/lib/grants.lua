-- Grants slots per agent record: all instances of a record together get no more than the record may have, and a record that is
-- not active gets no new ones.
--
-- registry: the keys that instances.lua takes.
--
-- Needs: settings, lane, count_shares, slots_of
-- Defines: state_of, grant_shares

-- Returns cap and state of a record from its field in the settings.
local function state_of(field)
  local cap, state, scopes = string.match(field or '', '^(%d+) (%a+) (%S+)$')
  if not cap then return 0, 'unknown' end
  local own_scopes = string.match(lane, '^%d+%+(.+)$') or '-'
  return tonumber(cap), scopes == own_scopes and state or 'moved'
end

-- ARGV after `first_arg` are record, slots offered and slots in use of each share. Returns slots and state of each, their sum,
-- and the shares as a row holds them.
local function grant_shares(registry, row, first_arg, count)
  local granted, sum, shares, records, fields = {}, 0, {}, {}, {}
  if count == 0 then return granted, 0, '-' end
  for i = 1, count do
    records[i] = ARGV[first_arg + 3 * i - 2]
    fields[i] = 'agent:' .. records[i]
  end
  local rules = redis.call('HMGET', settings, unpack(fields))
  local taken = redis.call('HMGET', registry.agent_slots, unpack(records))
  local own = {}
  local _, old_count, old_shares = slots_of(registry, row)
  if old_shares then count_shares(own, old_shares, old_count, 1) end
  for i = 1, count do
    local record, slots, running = records[i], tonumber(ARGV[first_arg + 3 * i - 1]), tonumber(ARGV[first_arg + 3 * i])
    local state = 'active'
    if record ~= '-' then
      local cap
      cap, state = state_of(rules[i])
      if state ~= 'active' then slots = math.min(slots, running) end
      if cap > 0 then
        local others = (tonumber(taken[i]) or 0) - (own[record] or 0)
        slots = math.max(math.min(slots, cap - others), 0)
      end
    end
    granted[#granted + 1], granted[#granted + 2] = slots, state
    sum = sum + slots
    shares[i] = record .. '=' .. string.format('%d', slots)
  end
  return granted, sum, count == 1 and records[1] or table.concat(shares, ',')
end
