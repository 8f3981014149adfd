-- What wrk sends: bodies with one marked address each, which is made new or taken
-- from a few. Prints one line of JSON, as tests/bench/load.py does.
local template = os.getenv("LOAD_BODY")
local path = os.getenv("LOAD_PATH")
local prefix = os.getenv("LOAD_PREFIX")
local same = tonumber(os.getenv("LOAD_SAME") or "0")
local head, tail = template:match("^(.-)@@ADDRESS@@(.*)$")
local middle
middle, tail = tail:match("^(.-)@@UNIQUE@@(.*)$")
if middle == nil then
  head, tail = template:match("^(.-)@@ADDRESS@@(.*)$")
end
local counter = 0

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("LOAD_KEY")

function request()
  counter = counter + 1
  local number = same > 0 and counter % same or counter
  local name = prefix .. number
  local body
  if middle == nil then
    body = head .. name .. "@example.org" .. tail
  else
    body = head .. name .. "@example.org" .. middle .. prefix .. counter .. tail
  end
  return wrk.format(nil, path, nil, body)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
