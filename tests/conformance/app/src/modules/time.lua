-- The time module.
local time = require("time")
local expect = require("expect")
local case, main = expect.cases()
local utc = time.utc

local function at(...) return time.date(...) end

local function same_text(value, text) expect.equal(tostring(value), text) end

case("constants", function()
    expect.integer(time.NANOSECOND, 1)
    expect.integer(time.MICROSECOND, 1000)
    expect.integer(time.MILLISECOND, 1000000)
    expect.integer(time.SECOND, 1000000000)
    expect.integer(time.MINUTE, 60000000000)
    expect.integer(time.HOUR, 3600000000000)
    expect.integer(time.JANUARY, 1)
    expect.integer(time.DECEMBER, 12)
    expect.integer(time.SUNDAY, 0)
    expect.integer(time.SATURDAY, 6)
    expect.equal(time.RFC3339, "2006-01-02T15:04:05Z07:00")
    expect.equal(time.RFC3339NANO, "2006-01-02T15:04:05.999999999Z07:00")
    expect.equal(time.RFC822, "02 Jan 06 15:04 MST")
    expect.equal(time.RFC822Z, "02 Jan 06 15:04 -0700")
    expect.equal(time.RFC850, "Monday, 02-Jan-06 15:04:05 MST")
    expect.equal(time.RFC1123, "Mon, 02 Jan 2006 15:04:05 MST")
    expect.equal(time.RFC1123Z, "Mon, 02 Jan 2006 15:04:05 -0700")
    expect.equal(time.DATE_TIME, "2006-01-02 15:04:05")
    expect.equal(time.DATE_ONLY, "2006-01-02")
    expect.equal(time.TIME_ONLY, "15:04:05")
    expect.equal(time.KITCHEN, "3:04PM")
    expect.equal(time.STAMP, "Jan _2 15:04:05")
    expect.equal(time.STAMP_MILLI, "Jan _2 15:04:05.000")
    expect.equal(time.STAMP_MICRO, "Jan _2 15:04:05.000000")
    expect.equal(time.STAMP_NANO, "Jan _2 15:04:05.000000000")
end)

case("values are userdata", function()
    for name, v in pairs{ now = time.now(), duration = time.parse_duration("1s"), utc = time.utc,
                          timer = time.timer("1h"), ticker = time.ticker("1h") } do
        expect.equal(type(v), "userdata", name)
    end
end)

-- ---- durations ----

case("durations from text, numbers and durations", function()
    for text, ns in pairs{ ["1ns"] = 1, ["2us"] = 2000, ["3µs"] = 3000, ["3μs"] = 3000, ["4ms"] = 4000000, ["1.5h"] = 5400000000000,
                           [".5s"] = 500000000, ["0"] = 0, ["-1m30s"] = -90000000000, ["+5s"] = 5000000000,
                           ["1h15m30.918273645s"] = 4530918273645 } do
        local d, err = time.parse_duration(text)
        expect.truthy(d, text .. ": " .. tostring(err))
        expect.integer(d:nanoseconds(), ns, text)
    end
    expect.integer(time.parse_duration(100):nanoseconds(), 100)
    expect.integer(time.parse_duration(time.parse_duration("1s")):nanoseconds(), 1000000000)
end)

case("wrong durations are told", function()
    for _, text in ipairs{ "", "1", "s", "1x", "1 s", "ms5", "--1s", "1s ", "300000000h" } do
        local d, err = time.parse_duration(text)
        expect.is_nil(d, text)
        expect.equal(err:kind(), "Invalid", text)
    end
    local d, err = time.parse_duration({})
    expect.is_nil(d)
    expect.equal(err:kind(), "Invalid")
end)

case("durations as text", function()
    for text, shown in pairs{ ["1h30m45s"] = "1h30m45s", ["1500ms"] = "1.5s", ["100ms"] = "100ms", ["2500ns"] = "2.5µs",
                              ["0s"] = "0s", ["1h"] = "1h0m0s", ["90s"] = "1m30s", ["-1.5s"] = "-1.5s",
                              ["1ns"] = "1ns" } do
        same_text(time.parse_duration(text), shown)
    end
end)

case("parts of durations", function()
    local d = time.parse_duration("1h30m")
    expect.equal(d:hours(), 1.5)
    expect.equal(d:minutes(), 90.0)
    expect.equal(d:seconds(), 5400.0)
    expect.integer(d:milliseconds(), 5400000)
    expect.integer(d:microseconds(), 5400000000)
    expect.integer(time.parse_duration("1999us"):milliseconds(), 1)
    expect.equal(string.format("%d", time.parse_duration("1.7ms"):milliseconds()), "1")
end)

-- ---- times ----

case("date normalises", function()
    local t = at(2024, 14, 1, 0, 0, 0, 0, utc)
    expect.same({ t:date() }, { 2025, 2, 1 })
    t = at(2024, 12, 31, 23, 59, 60, 0, utc)
    expect.equal(t:format_rfc3339(), "2025-01-01T00:00:00Z")
    t = at(2024, 3, 0, 0, 0, 0, 0, utc)
    expect.same({ t:date() }, { 2024, 2, 29 })
end)

case("parts of times", function()
    local t = at(2024, 12, 29, 15, 4, 5, 123456789, utc)
    expect.same({ t:clock() }, { 15, 4, 5 })
    expect.same({ t:year(), t:month(), t:day(), t:hour(), t:minute(), t:second(), t:nanosecond() },
        { 2024, 12, 29, 15, 4, 5, 123456789 })
    expect.integer(t:weekday(), 0)
    expect.integer(t:year_day(), 364)
    expect.equal(t:is_zero(), false)
    expect.integer(t:unix(), 1735484645)
    expect.integer(t:unix_nano(), 1735484645123456789)
end)

case("unix times", function()
    local t = time.unix(1735484645, 5)
    expect.integer(t:unix(), 1735484645)
    expect.integer(t:nanosecond(), 5)
    expect.truthy(math.abs(time.now():unix() - os.time()) <= 1, "now")
end)

case("arithmetic", function()
    local t = at(2024, 12, 29, 15, 4, 5, 0, utc)
    expect.equal(t:add("1h"):hour(), 16)
    expect.equal(t:add(time.SECOND):second(), 6)
    expect.equal(t:add(time.parse_duration("-5s")):second(), 0)
    same_text(t:add("90m"):sub(t), "1h30m0s")
    local later = t:add_date(1, 2, 3)
    expect.integer(later:year(), 2026)
    expect.integer(later:month(), 3)
    expect.raises("", t.add, t, "nonsense")
    expect.raises("", t.add, t, {})
end)

case("comparison", function()
    local a, b = at(2024, 1, 1, 12, 0, 0, 0, utc), at(2024, 1, 1, 13, 0, 0, 0, utc)
    expect.truthy(a:before(b) and b:after(a) and not a:after(b) and not a:equal(b), "order")
    local zoned = a:in_location(time.fixed_zone("X", 3600))
    expect.truthy(a:equal(zoned), "the same instant in another zone")
    expect.integer(zoned:hour(), 13)
end)

case("rounding", function()
    local t = time.parse("2006-01-02T15:04:05.999999999Z", "2024-01-01T12:34:56.789Z")
    expect.equal(t:round(time.parse_duration("1s")):format("15:04:05"), "12:34:57")
    expect.equal(t:truncate(time.parse_duration("1m")):format("15:04:05"), "12:34:00")
    expect.truthy(t:round(time.parse_duration("0s")):equal(t), "unchanged")
    local half = at(2024, 1, 1, 0, 0, 0, 500000000, utc)
    expect.integer(half:round(time.parse_duration("1s")):second(), 1)
end)

-- ---- layouts ----

case("format", function()
    local t = at(2024, 12, 29, 15, 4, 5, 0, utc)
    expect.equal(t:format("Mon Jan 2 15:04:05 MST 2006"), "Sun Dec 29 15:04:05 UTC 2024")
    expect.equal(t:format_rfc3339(), "2024-12-29T15:04:05Z")
    expect.equal(t:format(time.RFC850), "Sunday, 29-Dec-24 15:04:05 UTC")
    expect.equal(t:format(time.KITCHEN), "3:04PM")
    expect.equal(t:format("3:04pm"), "3:04pm")
    expect.equal(t:format("06/1/_2 002 January Monday"), "24/12/29 364 December Sunday")
    expect.equal(at(2024, 1, 5, 9, 0, 0, 0, utc):format(time.STAMP), "Jan  5 09:00:00")
    local f = at(2024, 1, 1, 0, 0, 0, 120000000, utc)
    expect.equal(f:format("05.000 05.999 05,000"), "00.120 00.12 00,120")
    local z = t:in_location(time.fixed_zone("ABC", -12600))
    expect.equal(z:format("MST -0700 -07:00 -07 Z0700 Z07:00 -070000"), "ABC -0330 -03:30 -03 -0330 -03:30 -033000")
end)

case("parse", function()
    local t = expect.truthy(time.parse(time.RFC3339, "2024-02-29T01:02:03+02:00"))
    expect.integer(t:unix(), 1709161323)
    t = expect.truthy(time.parse(time.DATE_TIME, "2024-05-06 07:08:09", utc))
    expect.same({ t:date() }, { 2024, 5, 6 })
    expect.equal(t:format_rfc3339(), "2024-05-06T07:08:09Z")
    t = expect.truthy(time.parse(time.DATE_TIME, "2024-05-06 07:08:09.25", utc)) -- a fraction is taken anyway
    expect.integer(t:nanosecond(), 250000000)
    t = expect.truthy(time.parse(time.KITCHEN, "3:04PM", utc))
    expect.integer(t:hour(), 15)
    for _, wrong in ipairs{ "2024-13-01", "2024-02-30", "", "2024-01", "2024-01-01x" } do
        local v, err = time.parse(time.DATE_ONLY, wrong)
        expect.is_nil(v, wrong)
        expect.equal(err:kind(), "Invalid", wrong)
        expect.equal(err:retryable(), false, wrong)
    end
end)

-- ---- zones ----

case("locations", function()
    expect.equal(utc:string(), "UTC")
    same_text(utc, "UTC")
    local ny = expect.truthy(time.load_location("America/New_York"))
    expect.equal(ny:string(), "America/New_York")
    local t = at(2024, 7, 1, 12, 0, 0, 0, utc):in_location(ny)
    expect.integer(t:hour(), 8)
    expect.equal(t:format("MST -0700"), "EDT -0400")
    expect.integer(at(2024, 1, 1, 12, 0, 0, 0, utc):in_location(ny):hour(), 7)
    expect.equal(t:location():string(), "America/New_York")
    expect.equal(t:utc():location():string(), "UTC")
    expect.truthy(time.load_location("UTC"))
    expect.truthy(time.load_location("Local"))
    expect.truthy(time.now():in_local():location():string(), "a name")
    expect.equal(type(time.localtz), "userdata")
    local fixed = time.fixed_zone("MSK", 10800)
    expect.equal(fixed:string(), "MSK")
end)

case("unknown locations are told", function()
    expect.final_failure("Invalid", "empty location name", time.load_location(""))
    local _, err = time.load_location("Invalid/Location")
    expect.equal(err:kind(), "NotFound")
    expect.equal(err:retryable(), false)
    _, err = time.load_location("../../etc/passwd")
    expect.truthy(err, "no way out of the zone files")
end)

-- ---- sleeping and timers ----

case("sleep takes its time and answers nothing", function()
    local began = time.now()
    expect.equal(select("#", time.sleep("20ms")), 0)
    expect.truthy(time.now():sub(began):milliseconds() >= 20, "not early")
    time.sleep(0)
    time.sleep("-1s")
    time.sleep(100) -- nanoseconds
    time.sleep(time.parse_duration("1ms"))
    expect.truthy(time.now():sub(began):seconds() < 5, "soon")
    local _, err = time.sleep("soon")
    expect.equal(err:kind(), "Invalid")
end)

case("after delivers one Time and closes", function()
    local began = time.now()
    local ch = time.after("10ms")
    local t, ok = ch:receive()
    expect.equal(ok, true)
    expect.truthy(t:sub(began):milliseconds() >= 10, "not early")
    expect.equal(select(2, ch:receive()), false)
end)

case("durations that are not positive are refused", function()
    for name, fn in pairs{ after = time.after, timer = time.timer, ticker = time.ticker } do
        for _, d in ipairs{ "0s", "-1s", 0 } do
            expect.failure("Invalid", "time." .. name .. ": duration must be > 0", fn(d))
        end
        local v, err = fn("soon")
        expect.is_nil(v)
        expect.truthy(err)
    end
end)

case("a timer fires once", function()
    local timer = time.timer("10ms")
    expect.equal(timer:channel(), timer:response())
    expect.equal(type(expect.receive(timer:channel())), "userdata")
    expect.equal(timer:stop(), false)
end)

case("a stopped timer does not fire", function()
    local timer = time.timer("1h")
    expect.equal(timer:stop(), true)
    local value, ok = timer:channel():receive()
    expect.is_nil(value)
    expect.equal(ok, false)
    expect.equal(timer:stop(), false)
end)

case("reset arms the same channel again", function()
    local timer = time.timer("1h")
    local ch = timer:channel()
    expect.equal(timer:reset("10ms"), true)
    expect.equal(timer:channel(), ch)
    expect.receive(ch)
    expect.equal(timer:reset("10ms"), false)
    expect.equal(type(expect.receive(ch)), "userdata")
    expect.silence(ch, "30ms")
    expect.raises("", timer.reset, timer, "nonsense")
end)

case("a ticker ticks until it is stopped", function()
    local ticker = time.ticker("5ms")
    expect.equal(ticker:channel(), ticker:response())
    local last
    for _ = 1, 4 do
        local t = expect.receive(ticker:channel())
        expect.truthy(not last or t:after(last), "order")
        last = t
    end
    expect.equal(ticker:stop(), true)
    local ok
    repeat _, ok = ticker:channel():receive() until not ok -- what was buffered, then closed
end)

case("a ticker nobody reads drops ticks", function()
    local most = 0
    expect.becomes(function() -- on a busy machine several ticks are due at once and come as one
        local ticker = time.ticker("1ms")
        time.sleep("60ms")
        local count, began = 0, time.now() -- what comes while we count was not buffered
        while true do
            local got = channel.select{ ticker:channel():case_receive(), default = true }
            if got.default then break end
            if not got.value:after(began) then count = count + 1 end
        end
        ticker:stop()
        most = math.max(most, count)
        return most >= 10
    end, "ten ticks in the buffer")
    expect.truthy(most <= 17, "buffered " .. most)
end)

case("sleeps end in the order of their times", function()
    local order, done = {}, channel.new(3)
    for _, ms in ipairs{ 30, 10, 20 } do
        local sleep = { ms = ms, from = time.now():add(ms .. "ms") }
        coroutine.spawn(function() time.sleep(ms .. "ms") order[#order + 1] = sleep done:send(1) end)
        sleep.to = time.now():add(ms .. "ms") -- it ends between these two: the machine may have stood still
    end
    for _ = 1, 3 do done:receive() end
    for i = 1, 2 do
        for j = i + 1, 3 do
            expect.truthy(not order[j].to:before(order[i].from), order[i].ms .. " before " .. order[j].ms)
        end
    end
end)

return { main = main }
