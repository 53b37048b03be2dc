-- Coroutines: spawned ones, generators, and blocking inside of both.
local time = require("time")
local funcs = require("funcs")
local expect = require("expect")
local case, main = expect.cases()

case("spawn answers the thread, its function gets no arguments", function()
    local count
    local thread = coroutine.spawn(function(...) count = select("#", ...) end)
    expect.equal(type(thread), "thread")
    expect.equal(count, 0)
end)

case("generators: create, resume, yield, status, wrap, running", function()
    local co = coroutine.create(function(a)
        local b = coroutine.yield(a + 1)
        return b * 2
    end)
    expect.equal(coroutine.status(co), "suspended")
    expect.same({ coroutine.resume(co, 1) }, { true, 2 })
    expect.same({ coroutine.resume(co, 5) }, { true, 10 })
    expect.equal(coroutine.status(co), "dead")
    expect.equal(coroutine.resume(co), false)
    local next_one = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
    expect.same({ next_one(), next_one(), next_one() }, { 1, 2, 3 })
    expect.equal(type(coroutine.running()), "thread")
end)

case("an error in a generator goes to who resumed", function()
    local co = coroutine.create(function() error("inside") end)
    local fine, err = coroutine.resume(co)
    expect.equal(fine, false)
    expect.contains(err, "inside")
    expect.raises("wrapped", coroutine.wrap(function() error("wrapped") end))
end)

case("a generator may block", function()
    local ch = channel.new(1)
    local values = coroutine.wrap(function()
        time.sleep("1ms")
        coroutine.yield("slept")
        ch:send("x")
        coroutine.yield((ch:receive()))
        coroutine.yield((funcs.call("app.mail:echo", "called")))
    end)
    expect.equal(values(), "slept")
    expect.equal(values(), "x")
    expect.equal(values(), "called")
end)

case("other coroutines run while a generator blocks", function()
    local ticks, done = 0, channel.new()
    coroutine.spawn(function()
        for _ = 1, 3 do time.sleep("1ms") ticks = ticks + 1 end
        done:send(true)
    end)
    coroutine.wrap(function() done:receive() end)()
    expect.equal(ticks, 3)
end)

case("a scheduled coroutine is not resumed by hand", function()
    local thread = coroutine.spawn(function() time.sleep("50ms") end)
    local fine, err = coroutine.resume(thread)
    expect.equal(fine, false)
    expect.contains(err, "cannot resume a scheduled coroutine")
end)

case("blocking works in pcall and xpcall", function()
    local fine, value = pcall(function()
        time.sleep("1ms")
        return (funcs.call("app.mail:echo", 5))
    end)
    expect.equal(fine, true)
    expect.integer(value, 5)
    fine, value = pcall(function() time.sleep("1ms") error("after sleeping", 0) end)
    expect.equal(fine, false)
    expect.equal(value, "after sleeping")
    fine, value = xpcall(function() time.sleep("1ms") error("x", 0) end, function(e) return "handled " .. e end)
    expect.equal(fine, false)
    expect.equal(value, "handled x")
end)

case("blocking works in iterators and metamethods", function()
    local sum = 0
    for i in function(_, i) time.sleep("1ms") i = (i or 0) + 1 return i <= 3 and i or nil end do sum = sum + i end
    expect.integer(sum, 6)
    local slow = setmetatable({}, {
        __index = function(_, k) time.sleep("1ms") return k end,
        __add = function() time.sleep("1ms") return "added" end,
        __call = function() time.sleep("1ms") return "called" end,
    })
    expect.equal(slow.key, "key")
    expect.equal(slow + 1, "added")
    expect.equal(slow(), "called")
end)

case("where it cannot block it says so", function()
    local err = expect.raises("attempt to yield across a C-call boundary", table.sort, { 2, 1 },
        function() time.sleep("1ms") return true end)
    expect.equal(type(err), "string")
    expect.raises("attempt to yield across a C-call boundary", string.gsub, "abc", ".",
        function() time.sleep("1ms") end)
end)

case("a busy coroutine does not stop other processes", function()
    local events = process.events()
    local busy = {}
    for i = 1, 5 do busy[i] = process.spawn("app:actor", expect.HOST, "spin") end
    for i = 1, 5 do
        local pid = expect.actor("value", i)
        expect.integer(expect.exit(events, pid).value, i)
    end
    for _, pid in ipairs(busy) do process.terminate(pid) end
end)

return { main = main }
