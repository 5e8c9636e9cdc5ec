-- wrk sends requests that were made beforehand: wrk -s bench/send.lua URL -- FILE
local made, at = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local text = file:read("*a")
  file:close()
  local from = 1
  while true do
    local cut = text:find("\0", from, true)
    made[#made + 1] = text:sub(from, cut and cut - 1)
    if not cut then break end
    from = cut + 1
  end
end

function request()
  at = at % #made + 1
  return made[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "failed": %d, "refused": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99)))
end
