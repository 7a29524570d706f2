-- Brings every end that is kept under a prefix nearer, which is the same to a store as if so much time had passed.
-- ARGV: the prefix, and by how many milliseconds.
local prefix, by = ARGV[1], tonumber(ARGV[2])
local function shift(key)
  if redis.call('TYPE', key).ok == 'hash' then
    local absolute = tonumber(redis.call('HGET', key, 'a') or '')
    if absolute then
      redis.call('HSET', key, 'a', string.format('%.0f', absolute - by))
    end
  end
  local ends = redis.call('PEXPIRETIME', key)
  if ends > 0 then
    redis.call('PEXPIREAT', key, string.format('%.0f', ends - by))
  end
end
for _, key in ipairs(redis.call('KEYS', '*')) do
  if string.sub(key, 1, #prefix) == prefix then
    shift(key)
  end
end
return by
