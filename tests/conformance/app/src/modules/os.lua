-- What is left of os.
local expect = require("expect")
local case, main = expect.cases()

case("only these", function()
    local names = {}
    for name in pairs(os) do names[#names + 1] = name end
    table.sort(names)
    expect.same(names, { "clock", "date", "difftime", "platform", "time" })
    expect.equal(os.platform, "wippy")
end)

case("time is an integer of now", function()
    expect.equal(math.type(os.time()), "integer")
    expect.truthy(os.time() > 1700000000, "now")
end)

case("time of a table, missing parts", function()
    local t = os.time{ year = 2024, month = 3, day = 4, hour = 5, min = 6, sec = 7 }
    expect.equal(os.date("%Y-%m-%d %H:%M:%S", t), "2024-03-04 05:06:07")
    expect.equal(os.date("%H:%M:%S", os.time{ year = 2024, month = 3, day = 4 }), "00:00:00") -- not noon
    local today = os.date("*t")
    local filled = os.date("*t", os.time{ hour = 1 })
    expect.same({ filled.year, filled.month, filled.day, filled.hour }, { today.year, today.month, today.day, 1 })
end)

case("date", function()
    expect.equal(os.date("!%Y-%m-%dT%H:%M:%S", 0), "1970-01-01T00:00:00")
    local t = os.date("!*t", 86400 * 60)
    expect.same({ t.year, t.month, t.day, t.hour, t.min, t.sec, t.wday, t.yday, t.isdst },
        { 1970, 3, 2, 0, 0, 0, 2, 61, false })
    expect.equal(os.date("!%a %A %b %B %d %j %p %y %%", 0), "Thu Thursday Jan January 01 001 AM 70 %")
end)

case("clock does not run backwards", function()
    local a = os.clock()
    for _ = 1, 1000 do local _ = {} end
    local b = os.clock()
    expect.truthy(a >= 0 and b >= a, "clock")
end)

case("difftime", function()
    expect.equal(os.difftime(10, 4), 6.0)
end)

return { main = main }
