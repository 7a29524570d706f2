-- Replaces a record and its expiry if the key holds what the writer expects.
-- KEYS[1]: the record's key. ARGV: what is expected ('any', 'absent' or a version), the record's name, the sealed bytes, the idle
-- time in milliseconds or '', the absolute end in milliseconds since 1970 or '', and a word that no other save has.
-- Answers {'saved', version}, {'conflict', version or nothing} or {'damaged'}.
local key = KEYS[1]
local expected, name, sealed, idle, absolute, word = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local found = redis.pcall('HMGET', key, 'v', 'k', 'w')
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

-- The answer to this very save was lost on its way and it is asked again.
if present and found[3] == word then
  return {'saved', present}
end
if expected ~= 'any' then
  if damaged then
    return {'damaged'}
  end
  if expected ~= (present or 'absent') then
    return {'conflict', present}
  end
end

-- Microseconds since 1970: they grow across removals and expiries without a trace of what was removed, and stay exact until 2255.
local time = redis.call('TIME')
local version = time[1] * 1000000 + time[2]
local last = tonumber(present or '')
if last and version <= last then
  version = last + 1
end
version = string.format('%.0f', version)

if damaged then
  redis.call('DEL', key)
end
-- The first write of the usual case, so that a server without memory refuses before anything has changed.
redis.call('HSET', key, 'v', version, 'k', name, 'd', sealed, 'i', idle, 'a', absolute, 'w', word)
local ends = false
if idle ~= '' then
  ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(idle)
end
if absolute ~= '' and (not ends or tonumber(absolute) < ends) then
  ends = tonumber(absolute)
end
if ends then
  redis.call('PEXPIREAT', key, string.format('%.0f', ends))
else
  redis.call('PERSIST', key)
end
return {'saved', version}
