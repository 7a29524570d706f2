-- Begins the idle time of a record anew; neither its bytes nor its version change.
-- KEYS[1]: the record's key.
-- Answers nothing where there is no record, {'damaged'} where something else is under the key, else {version, name}.
local found = redis.call('HMGET', KEYS[1], 'v', 'k', 'i', 'a')
if not (found[1] and found[2]) then
  if redis.call('EXISTS', KEYS[1]) == 0 then
    return false
  end
  return {'damaged'}
end
if found[3] and found[3] ~= '' then
  local time = redis.call('TIME')
  local ends = time[1] * 1000 + math.floor(time[2] / 1000) + (tonumber(found[3]) or 0)
  local absolute = tonumber(found[4] or '')
  if absolute and absolute < ends then
    ends = absolute
  end
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends))
end
return {found[1], found[2]}
