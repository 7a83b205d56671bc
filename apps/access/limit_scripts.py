"""The Lua that runs inside Redis: each script is atomic over all processes.

Time is Redis' own clock, one for all processes; `now` (ms) below 0 asks for it. It may jump.
Backwards: a bucket counts on from the new time, and a slot whose lease ends later than a new one
would is taken for expired; its holder renews it. Forwards: buckets fill once and leases end, which
are renewed too.
"""

_NOW = """
local now = tonumber(ARGV[1])
if now < 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local lease = tonumber(ARGV[2])
local function drop_expired(key)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  redis.call('ZREMRANGEBYSCORE', key, '(' .. (now + lease), '+inf')
end
"""

# KEYS: one a bucket, then the slots. ARGV: now, lease (ms), longest wait (ms), slots (0: any
# number), id of the slot, whether this process comes back from an outage, and for each bucket rate
# (per second), capacity, amount and the level that this process knows. That level stands in for a
# bucket that Redis has lost, and bounds one that kept filling while Redis was out of reach.
# A caller that may wait takes its tokens at once (the level goes negative) and sleeps until they
# have flowed in: fair, in order. Nothing is taken unless every bucket and the slots admit.
# Returns {0 or the number of the limit that refused (counted from 1; one more than the buckets:
# the slots), wait in ms, then the level of each bucket in thousandths}.
TAKE = (
    _NOW
    + """
local max_wait, slots, id, is_back = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6] == '1'
local buckets = #KEYS - 1
local levels, wait, refused = {}, 0, 0
for i = 1, buckets do
  local rate, capacity, amount, known =
    tonumber(ARGV[i*4+3]), tonumber(ARGV[i*4+4]), tonumber(ARGV[i*4+5]), tonumber(ARGV[i*4+6])
  local state = redis.call('HMGET', KEYS[i], 'level', 'at')
  local level, at = tonumber(state[1]), tonumber(state[2])
  if level then
    if at > now then redis.call('HSET', KEYS[i], 'at', now) end
    level = math.min(capacity, level + math.max(0, now - at) * rate / 1000)
    if is_back then level = math.min(level, known) end
  else
    level = known
  end
  levels[i] = level
  local needed = (amount - level) * 1000 / rate
  if needed > wait then
    wait = math.ceil(needed)
    if wait > max_wait then refused = i end
  end
end
if refused == 0 and slots > 0 then
  drop_expired(KEYS[#KEYS])
  if redis.call('ZCARD', KEYS[#KEYS]) >= slots then refused = #KEYS end
end
local reply = {refused, wait}
if refused == 0 and slots > 0 then
  redis.call('ZADD', KEYS[#KEYS], now + lease, id)
  redis.call('PEXPIRE', KEYS[#KEYS], lease)
end
for i = 1, buckets do
  local rate, capacity, amount = tonumber(ARGV[i*4+3]), tonumber(ARGV[i*4+4]), tonumber(ARGV[i*4+5])
  local level = levels[i]
  if refused == 0 then level = level - amount end
  if refused == 0 or is_back then
    redis.call('HSET', KEYS[i], 'level', level, 'at', now)
    redis.call('PEXPIRE', KEYS[i], math.ceil((capacity - level) * 1000 / rate) + 1000)
  end
  reply[i + 2] = math.floor(level * 1000)
end
return reply
"""
)

# KEYS: tokens, slots. ARGV: now, lease, tokens to give back (negative: more were used than taken),
# rate and capacity of the bucket, then the slots that are free again. A bucket that is gone is
# full.
GIVE_BACK = (
    _NOW
    + """
local refund, rate, capacity = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if refund ~= 0 then
  local state = redis.call('HMGET', KEYS[1], 'level', 'at')
  local level, at = tonumber(state[1]), tonumber(state[2])
  if level or refund < 0 then
    level, at = level or capacity, at or now
    level = math.min(capacity, level + math.max(0, now - at) * rate / 1000)
    level = math.min(capacity, level + refund)
    redis.call('HSET', KEYS[1], 'level', level, 'at', now)
    redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - level) * 1000 / rate) + 1000)
  end
end
for i = 6, #ARGV do redis.call('ZREM', KEYS[2], ARGV[i]) end
return 1
"""
)

# KEYS: a set of leases. ARGV: now, lease, then who holds one. Makes them again if they were lost.
# Returns how many there are in all.
RENEW = (
    _NOW
    + """
drop_expired(KEYS[1])
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], now + lease, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], lease)
return redis.call('ZCARD', KEYS[1])
"""
)
