-- Tells when a record ends by itself, as it was saved; nothing changes.
-- KEYS[1]: the record's key.
-- Answers nothing where there is no record, {'damaged'} where something else is under the key, else {version, name, the idle time in
-- milliseconds or '', the absolute end in milliseconds since 1970 or ''}.
local found = redis.call('HMGET', KEYS[1], 'v', 'k', 'i', 'a')
if not (found[1] and found[2]) then
  if redis.call('EXISTS', KEYS[1]) == 0 then
    return false
  end
  return {'damaged'}
end
return {found[1], found[2], found[3] or '', found[4] or ''}
