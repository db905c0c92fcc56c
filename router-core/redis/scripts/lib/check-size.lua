-- Finds the key of a group that has grown beyond what hubs and agents make. Reading or walking such a key would take time and
-- memory from all other groups.
--
-- Needs: none
-- Defines: MIB, check_size, find_excess
local MIB = 1024 * 1024

-- Returns the key that is too large, or nil. Rows are counted before bytes, because counting bytes takes as long as there are rows.
local function check_size(key, command, most_rows, most_bytes)
  local rows = redis.call(command, key)
  if rows > most_rows then return string.format('%d rows in %s', rows, key) end
  if rows == 0 then return nil end
  -- A server without MEMORY USAGE counts as within the limits.
  local bytes = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', '0')
  if type(bytes) == 'number' and bytes > most_bytes then return string.format('%d bytes in %s', bytes, key) end
end

local function find_excess(lanes_key, slots_key, agent_slots, instances, reports, hubs_key)
  return check_size(lanes_key, 'HLEN', 1024, 2 * MIB) or check_size(slots_key, 'HLEN', 16384, 64 * MIB)
    or check_size(agent_slots, 'HLEN', 16384, 8 * MIB) or check_size(instances, 'ZCARD', 16384, 16 * MIB)
    or check_size(reports, 'HLEN', 16384, 64 * MIB) or check_size(hubs_key, 'ZCARD', 4096, 4 * MIB)
end
