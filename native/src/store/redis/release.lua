-- Lets a lease go if it is still this one.
-- KEYS[1]: the lease's key. ARGV[1]: the lease's number.
-- Answers 1 where it was, else 0.
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^(%d+) ') == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
