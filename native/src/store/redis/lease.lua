-- Takes a lease if nobody holds it.
-- KEYS[1]: the lease's key. ARGV: for how many milliseconds, and a word that no other lease has.
-- Answers the lease's number, or nothing where somebody else holds it.
local held = redis.call('GET', KEYS[1])
if held then
  local number, word = string.match(held, '^(%d+) (.+)$')
  -- The answer to this very request was lost on its way and it is asked again.
  if word == ARGV[2] then
    return number
  end
  return false
end
-- Microseconds since 1970: they grow from lease to lease, though nothing of an ended one is kept.
local time = redis.call('TIME')
local number = string.format('%.0f', time[1] * 1000000 + time[2])
redis.call('SET', KEYS[1], number .. ' ' .. ARGV[2], 'PX', ARGV[1])
return number
