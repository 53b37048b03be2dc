-- Channels of one process.
local time = require("time")
local expect = require("expect")
local case, main = expect.cases()

case("a buffered channel keeps values in order", function()
    local ch = channel.new(3)
    for i = 1, 3 do expect.equal(ch:send(i), true) end
    for i = 1, 3 do
        local value, ok = ch:receive()
        expect.integer(value, i)
        expect.equal(ok, true)
    end
end)

case("without buffer a sender waits for its receiver", function()
    local ch, order = channel.new(), {}
    coroutine.spawn(function()
        order[#order + 1] = "sending"
        expect.equal(ch:send("v"), true)
        order[#order + 1] = "sent"
    end)
    order[#order + 1] = "receiving"
    expect.equal(ch:receive(), "v")
    time.sleep("1ms")
    expect.same(order, { "sending", "receiving", "sent" })
end)

case("a receiver waits for its sender", function()
    local ch, got = channel.new(), nil
    coroutine.spawn(function() got = ch:receive() end)
    expect.is_nil(got)
    ch:send(5)
    time.sleep("1ms")
    expect.equal(got, 5)
end)

case("a negative capacity is none", function()
    local ch, sent = channel.new(-5), false
    coroutine.spawn(function() ch:send(1) sent = true end)
    expect.equal(sent, false)
    expect.equal(ch:receive(), 1)
end)

case("a huge capacity allocates nothing", function()
    local ch = channel.new(1000000000000)
    ch:send(1)
    expect.equal(ch:receive(), 1)
end)

case("waiting receivers are served in their order", function()
    local ch, got = channel.new(), {}
    for i = 1, 3 do
        coroutine.spawn(function() got[i] = ch:receive() end)
    end
    for _, v in ipairs{ "a", "b", "c" } do ch:send(v) end
    time.sleep("1ms")
    expect.same(got, { "a", "b", "c" })
end)

case("waiting senders are served in their order, through the freed slot", function()
    local ch, done = channel.new(1), {}
    for i = 1, 4 do
        coroutine.spawn(function() ch:send(i) done[#done + 1] = i end)
    end
    expect.same(done, { 1 })
    for i = 1, 4 do expect.integer(ch:receive(), i) end
    time.sleep("1ms")
    expect.same(done, { 1, 2, 3, 4 })
end)

case("nil is a value", function()
    local ch = channel.new(1)
    ch:send(nil)
    local value, ok = ch:receive()
    expect.is_nil(value)
    expect.equal(ok, true)
end)

case("any value, by reference", function()
    local ch, table_, fn = channel.new(2), {}, function() end
    ch:send(table_)
    ch:send(fn)
    expect.truthy(ch:receive() == table_ and ch:receive() == fn, "the same")
end)

case("a closed channel gives what it holds, then nil, false", function()
    local ch = channel.new(2)
    ch:send("kept")
    expect.equal(select("#", ch:close()), 0)
    expect.equal(ch:receive(), "kept")
    for _ = 1, 3 do
        local value, ok = ch:receive()
        expect.is_nil(value)
        expect.equal(ok, false)
    end
end)

case("close wakes receivers", function()
    local ch, got = channel.new(), {}
    for i = 1, 2 do
        coroutine.spawn(function() got[i] = select(2, ch:receive()) end)
    end
    ch:close()
    time.sleep("1ms")
    expect.same(got, { false, false })
end)

case("close answers nil and an error to blocked senders", function()
    local ch, got = channel.new(), nil
    coroutine.spawn(function() got = table.pack(ch:send(1)) end)
    ch:close()
    time.sleep("1ms")
    expect.is_nil(got[1])
    expect.contains(got[2], "send on closed channel")
end)

case("send on a closed channel raises a string", function()
    local ch = channel.new(1)
    ch:close()
    local err = expect.raises("send on closed channel", ch.send, ch, 1)
    expect.equal(type(err), "string")
end)

case("closing again does nothing", function()
    local ch = channel.new()
    ch:close()
    ch:close()
    expect.equal(select(2, ch:receive()), false)
end)

case("a channel is itself", function()
    local a, b = channel.new(), channel.new()
    expect.truthy(a == a and a ~= b, "identity")
    local by = { [a] = 1, [b] = 2 }
    expect.equal(by[a], 1)
    expect.equal(type(a), "userdata")
end)

case("fan-in: four producers, twenty items", function()
    local ch, seen = channel.new(10), {}
    for p = 1, 4 do
        coroutine.spawn(function()
            for i = 1, 5 do ch:send(p * 10 + i) time.sleep("1ms") end
        end)
    end
    local last = {}
    for _ = 1, 20 do
        local v = expect.receive(ch)
        expect.is_nil(seen[v])
        seen[v] = true
        local p = v // 10
        expect.truthy(v > (last[p] or 0), "order of one producer")
        last[p] = v
    end
    expect.silence(ch, "10ms")
end)

case("three workers share ten jobs of the same length", function()
    expect.in_time("four rounds of 40 ms, not ten", 400, function()
        local jobs, results = channel.new(10), channel.new(10)
        for w = 1, 3 do
            coroutine.spawn(function()
                while true do
                    local job, ok = jobs:receive()
                    if not ok then return end
                    time.sleep("40ms")
                    results:send({ job = job, worker = w })
                end
            end)
        end
        local began = time.now()
        for i = 1, 10 do jobs:send(i) end
        jobs:close()
        local seen = {}
        for i = 1, 10 do
            local r = expect.receive(results)
            seen[r.job] = true
            expect.truthy(r.job > 3 * ((i - 1) // 3), "jobs end in groups of three")
        end
        expect.equal(#seen, 10)
        expect.truthy(time.now():sub(began):milliseconds() >= 160, "not early")
    end)
end)

return { main = main }
