-- Removes a record if the key holds what is expected.
-- KEYS[1]: the record's key. ARGV: what is expected ('any', 'absent' or a version), and the record's name.
-- Answers {'removed', version}, {'absent'}, {'conflict', version or nothing} or {'damaged'}.
local key, expected, name = KEYS[1], ARGV[1], ARGV[2]
local found = redis.pcall('HMGET', key, 'v', 'k')
local present, damaged = false, false
if found.err then
  if not string.find(found.err, 'WRONGTYPE', 1, true) then
    return found
  end
  damaged = true
elseif found[1] and found[2] == name then
  present = found[1]
elseif found[1] or found[2] or redis.call('EXISTS', key) == 1 then
  damaged = true
end

if damaged then
  if expected ~= 'any' then
    return {'damaged'}
  end
  redis.call('DEL', key)
  return {'absent'}
end
if expected ~= 'any' and expected ~= (present or 'absent') then
  return {'conflict', present}
end
if not present then
  return {'absent'}
end
redis.call('DEL', key)
return {'removed', present}
