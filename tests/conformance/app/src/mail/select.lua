-- channel.select.
local time = require("time")
local expect = require("expect")
local case, main = expect.cases()

case("the first ready case in table order", function()
    local a, b = channel.new(1), channel.new(1)
    b:send("b")
    local got = channel.select{ a:case_receive(), b:case_receive() }
    expect.equal(got.channel, b)
    expect.equal(got.value, "b")
    expect.equal(got.ok, true)
    expect.is_nil(got.index)
    expect.is_nil(got.default)
    a:send("a")
    b:send("b")
    expect.equal(channel.select{ a:case_receive(), b:case_receive() }.channel, a)
    expect.equal(channel.select{ a:case_receive(), b:case_receive() }.channel, b)
end)

case("exactly one case is executed", function()
    local a, b = channel.new(1), channel.new(1)
    a:send(1)
    b:send(2)
    channel.select{ a:case_receive(), b:case_receive() }
    expect.equal(b:receive(), 2)
    channel.select{ a:case_send(5), b:case_send(6) }
    expect.same(channel.select{ b:case_receive(), default = true }, { default = true, ok = true })
    expect.equal(a:receive(), 5)
end)

case("default when nothing is ready", function()
    local ch = channel.new()
    expect.same(channel.select{ ch:case_receive(), default = true }, { default = true, ok = true })
    expect.same(channel.select({ ch:case_receive() }, true), { default = true, ok = true })
    expect.same(channel.select{ ch:case_send(1), default = true }, { default = true, ok = true })
    expect.same(channel.select({ default = true }), { default = true, ok = true })
end)

case("a parked select takes the first that becomes possible", function()
    local a, b, got = channel.new(), channel.new(), nil
    coroutine.spawn(function() got = channel.select{ a:case_receive(), b:case_receive() } end)
    b:send("late")
    time.sleep("1ms")
    expect.equal(got.channel, b)
    expect.equal(got.value, "late")
    expect.same(channel.select{ a:case_send(1), default = true }, { default = true, ok = true }) -- withdrawn
end)

case("a send case", function()
    local ch = channel.new(1)
    local got = channel.select{ ch:case_send("v") }
    expect.equal(got.channel, ch)
    expect.equal(got.value, "v")
    expect.equal(got.ok, true)
    expect.equal(ch:receive(), "v")
end)

case("a parked send case is taken by a receiver", function()
    local ch, got = channel.new(), nil
    coroutine.spawn(function() got = channel.select{ ch:case_send("v") } end)
    expect.equal(ch:receive(), "v")
    time.sleep("1ms")
    expect.equal(got.value, "v")
    expect.equal(got.ok, true)
end)

case("a closed channel is ready to receive", function()
    local ch, open = channel.new(), channel.new()
    ch:close()
    local got = channel.select{ open:case_receive(), ch:case_receive() }
    expect.equal(got.channel, ch)
    expect.is_nil(got.value)
    expect.equal(got.ok, false)
end)

case("closing wakes a parked select", function()
    local ch, got = channel.new(), nil
    coroutine.spawn(function() got = channel.select{ ch:case_receive() } end)
    ch:close()
    time.sleep("1ms")
    expect.equal(got.ok, false)
    expect.equal(got.channel, ch)
end)

case("a send case on a closed channel is never ready, and raises where it would wait", function()
    local closed, open = channel.new(1), channel.new(1)
    closed:close()
    open:send(1)
    expect.equal(channel.select{ closed:case_send(1), open:case_receive() }.channel, open)
    expect.same(channel.select{ closed:case_send(1), default = true }, { default = true, ok = true })
    expect.raises("send on closed channel", channel.select, { closed:case_send(1) })
    expect.raises("send on closed channel", channel.select, { closed:case_send(1), open:case_receive() })
end)

case("elements that are no cases are ignored", function()
    local ch = channel.new(1)
    ch:send(1)
    expect.equal(channel.select{ 5, "x", {}, ch:case_receive() }.value, 1)
end)

case("cases may be used again, a channel may occur twice", function()
    local ch = channel.new(4)
    local cases = { ch:case_receive(), ch:case_receive() }
    for i = 1, 4 do ch:send(i) end
    for i = 1, 4 do expect.integer(channel.select(cases).value, i) end
end)

case("an empty select waits for ever", function()
    local funcs = require("funcs")
    expect.failure("Internal", "*deadlock", funcs.call("app.mail:empty_select"))
end)

case("timers and mail in one select", function()
    local inbox, limit = process.inbox(), time.after("20ms")
    local got = channel.select{ inbox:case_receive(), limit:case_receive() }
    expect.equal(got.channel, limit)
    expect.equal(type(got.value), "userdata")
end)

return { main = main }
