-- process.send, inbox, events, listen, unlisten, subscribe; Message objects; order.
local time = require("time")
local expect = require("expect")
local case, main = expect.cases()
local HOST = expect.HOST
local me = process.pid

-- ---- send ----

case("send answers true and nothing else", function()
    local fine, err = process.send(me(), "t", 1)
    expect.equal(fine, true)
    expect.is_nil(err)
end)

case("send checks its arguments", function()
    local text = "send requires at least destination and topic arguments"
    expect.final_failure("Invalid", text, process.send())
    expect.final_failure("Invalid", text, process.send(me()))
    expect.failure("Invalid", "cannot send to @ topics", process.send(me(), "@pid/inbox", 1))
    expect.failure("Invalid", "cannot send to @ topics", process.send(me(), "@", 1))
    expect.raises("string expected", process.send, nil, "t", 1)
    expect.raises("string expected", process.send, me(), {}, 1)
    expect.raises("string expected", process.send, {}, "t", 1)
    expect.raises("string expected", process.send, 5, "t", 1)
    expect.raises("string expected", process.send, me(), 5, 1)
    expect.raises("string expected", process.cancel, me(), 5)
end)

case("send to nobody", function()
    expect.failure("NotFound", "could not resolve 'nobody' as PID or registered name", process.send("nobody", "t"))
    expect.failure("NotFound", "*not found", process.send("{app:nowhere|0x00001}", "t"))
    expect.failure("NotFound", "process not found", process.send("{app:processes|0xfffff0}", "t"))
end)

case("a copy is taken when send is called", function()
    local inbox = process.inbox()
    local value = { n = 1 }
    process.send(me(), "t", value)
    value.n = 2
    expect.integer(expect.receive(inbox):payload():data().n, 1)
end)

case("topic names are free", function()
    local inbox = process.inbox()
    for _, topic in ipairs({ "", "inbox", "a\0b", "ünter @ way" }) do
        expect.equal(process.send(me(), topic, topic), true)
        local message = expect.receive(inbox)
        expect.equal(message:topic(), topic)
        expect.equal(message:payload():data(), topic)
    end
end)

-- ---- Message ----

case("a Message has topic, from and payload, and no fields", function()
    local inbox = process.inbox()
    process.send(me(), "greeting", "hi")
    local message = expect.receive(inbox)
    expect.equal(message:topic(), "greeting")
    expect.equal(message:from(), me())
    expect.equal(message:payload():data(), "hi")
    expect.equal(tostring(message), "process.Message{topic=greeting}")
    expect.equal(type(message), "userdata")
    expect.is_nil(message.data)
    expect.is_nil(message.x)
end)

case("no payload is nil, several are an array", function()
    local inbox = process.inbox()
    process.send(me(), "none")
    expect.is_nil(expect.receive(inbox):payload())
    process.send(me(), "many", 1, nil, "three")
    local payloads = expect.receive(inbox):payload()
    expect.equal(type(payloads), "table")
    expect.integer(payloads[1]:data(), 1)
    expect.is_nil(payloads[2]:data())
    expect.equal(payloads[3]:data(), "three")
end)

case("from is the sender", function()
    local inbox = process.inbox()
    local pid = process.spawn("app:actor", HOST, "tell", me(), "t", 1)
    expect.equal(expect.receive(inbox):from(), pid)
end)

-- ---- channels of mail ----

case("inbox, events and listen are the same channel every time", function()
    local inbox, events, topic = process.inbox(), process.events(), process.listen("topic")
    local function check()
        expect.equal(process.inbox(), inbox)
        expect.equal(process.events(), events)
        expect.equal(process.listen("topic"), topic)
    end
    check()
    process.send(me(), "topic", 1)
    local got = channel.select{ inbox:case_receive(), topic:case_receive(), events:case_receive() }
    expect.equal(got.channel, topic)
    check()
    process.send(me(), "other", 1)
    got = channel.select{ inbox:case_receive(), topic:case_receive(), events:case_receive() }
    expect.equal(got.channel, inbox)
    check()
    expect.truthy(inbox ~= events and events ~= topic and topic ~= process.listen("topic 2"), "different channels")
end)

case("listen delivers the raw value", function()
    local ch = process.listen("raw")
    process.send(me(), "raw")
    local value, ok = expect.receive(ch)
    expect.is_nil(value)
    expect.equal(ok, true)
    process.send(me(), "raw", { a = 1 })
    value = expect.receive(ch)
    expect.same(value, { a = 1 })
    expect.is_nil(value.from or value.topic or value.payload)
    process.send(me(), "raw", 1, 2, 3)
    expect.same(expect.receive(ch), { 1, 2, 3 })
end)

case("listen with message = true delivers Messages", function()
    local one = process.listen("one", { message = true })
    local two = process.listen("two", { message = true })
    process.send(me(), "two", 2)
    process.send(me(), "one", 1)
    local first, second = expect.receive(one), expect.receive(two)
    expect.equal(first:topic(), "one")
    expect.integer(first:payload():data(), 1)
    expect.equal(second:topic(), "two")
    expect.equal(second:from(), me())
end)

case("the first mode of a topic wins", function()
    local ch = process.listen("mode")
    expect.equal(process.listen("mode", { message = true }), ch)
    process.send(me(), "mode", "raw")
    expect.equal(expect.receive(ch), "raw")
end)

case("listen checks its topic", function()
    expect.failure("Invalid", "topic cannot be empty", process.listen(""))
    expect.failure("Invalid", "cannot listen to @ topics", process.listen("@pid/inbox"))
end)

case("topics are compared as a whole", function()
    local ch, inbox = process.listen("order.*"), process.inbox()
    process.send(me(), "order.new", 1)
    expect.equal(expect.receive(inbox):topic(), "order.new")
    process.send(me(), "order.*", 2)
    expect.integer(expect.receive(ch), 2)
    process.send(me(), "Order.*", 3)
    expect.equal(expect.receive(inbox):topic(), "Order.*")
end)

case("a topic called inbox is an ordinary one", function()
    local inbox = process.inbox()
    process.send(me(), "inbox", 1)
    expect.equal(expect.receive(inbox):topic(), "inbox")
end)

case("listened topics never reach the inbox, others do", function()
    local inbox, ch = process.inbox(), process.listen("mine")
    process.send(me(), "mine", 1)
    process.send(me(), "else", 2)
    process.send(me(), "mine", 3)
    expect.integer(expect.receive(ch), 1)
    expect.integer(expect.receive(ch), 3)
    expect.integer(expect.receive(inbox):payload():data(), 2)
    expect.silence(inbox, "20ms")
    expect.silence(ch, "20ms")
end)

-- ---- before anybody listens ----

case("mail waits until its channel exists", function()
    for i = 1, 5 do process.send(me(), "early", i) end
    time.sleep("5ms")
    local ch = process.listen("early")
    for i = 1, 5 do expect.integer(expect.receive(ch), i) end
end)

case("much mail waits", function()
    for i = 1, 3000 do process.send(me(), "much", i) end
    local ch = process.listen("much")
    for i = 1, 3000 do
        local value = ch:receive()
        if value ~= i then expect.integer(value, i) end
    end
end)

case("the inbox takes what came before", function()
    process.send(me(), "to be listened", 1)
    local inbox = process.inbox()
    expect.equal(expect.receive(inbox):topic(), "to be listened")
end)

case("mail sent right after the spawn arrives in order", function()
    local events = process.events()
    local pid = expect.actor("collect", me(), 5)
    for i = 1, 5 do process.send(pid, "n" .. i, i) end
    local got = expect.exit(events, pid).value
    for i = 1, 5 do expect.same(got[i], { topic = "n" .. i, data = i }) end
end)

-- ---- order ----

case("mail of one sender keeps its order", function()
    local inbox = process.inbox()
    process.spawn("app:actor", HOST, "tell_many", me(), "n", 200)
    for i = 1, 200 do expect.integer(expect.receive(inbox):payload():data(), i) end
end)

case("mail of several senders keeps the order of each", function()
    local inbox, last = process.inbox(), {}
    for s = 1, 4 do process.spawn("app:actor", HOST, "tell_many", me(), "s" .. s, 50) end
    for _ = 1, 200 do
        local message = expect.receive(inbox)
        local topic, n = message:topic(), message:payload():data()
        expect.integer(n, (last[topic] or 0) + 1, topic)
        last[topic] = n
    end
end)

case("of the channels waited for the oldest message wins, not the case order", function()
    local events, inbox, ch = process.events(), process.inbox(), process.listen("l")
    process.send(me(), "a", 1)
    process.send(me(), "l", 2)
    process.send(me(), "b", 3)
    process.cancel(me(), "last")
    process.send(me(), "l", 4)
    local order = {}
    for _ = 1, 5 do
        local got = channel.select{ events:case_receive(), ch:case_receive(), inbox:case_receive() }
        if got.channel == events then
            order[#order + 1] = got.value.reason
        elseif got.channel == ch then
            order[#order + 1] = got.value
        else
            order[#order + 1] = got.value:topic()
        end
    end
    expect.same(order, { "a", 2, "b", "last", 4 })
end)

case("a message nobody receives does not hold up others", function()
    local stuck, free = process.listen("stuck"), process.listen("free")
    for i = 1, 10 do process.send(me(), "stuck", i) end
    process.send(me(), "free", "through")
    expect.equal(expect.receive(free), "through")
    for i = 1, 10 do expect.integer(expect.receive(stuck), i) end
end)

case("polling sees mail", function()
    local inbox = process.inbox()
    expect.same(channel.select{ inbox:case_receive(), default = true }, { default = true, ok = true })
    process.send(me(), "t", 5)
    local got
    expect.becomes(function()
        got = channel.select{ inbox:case_receive(), default = true }
        return not got.default
    end, "mail is seen")
    expect.integer(got.value:payload():data(), 5)
end)

case("a poll that finds nothing says the truth", function()
    local inbox = process.inbox()
    local function drain()
        local count = 0
        while not channel.select{ inbox:case_receive(), default = true }.default do count = count + 1 end
        return count
    end
    process.send(me(), "t", 1)
    expect.integer(drain(), 1, "mail sent in the same step")
    for i = 1, 500 do process.send(me(), "t", i) end
    expect.integer(drain(), 500, "more mail than a step takes")
    process.exec("app:actor", expect.HOST, "tell_many", me(), "t", 500)
    expect.integer(drain(), 500, "mail of another process")
    expect.integer(drain(), 0)
end)

-- ---- unlisten ----

case("unlisten closes, later mail goes to the inbox", function()
    local inbox, ch = process.inbox(), process.listen("short")
    process.send(me(), "short", 1)
    expect.integer(expect.receive(ch), 1)
    expect.equal(process.unlisten(ch), true)
    local value, ok = ch:receive()
    expect.is_nil(value)
    expect.equal(ok, false)
    process.send(me(), "short", 2)
    expect.equal(expect.receive(inbox):topic(), "short")
end)

case("unlisten without inbox: mail stays", function()
    local ch = process.listen("kept")
    process.unlisten(ch)
    process.send(me(), "kept", 7)
    time.sleep("5ms")
    local again = process.listen("kept")
    expect.truthy(again ~= ch, "a new channel")
    expect.integer(expect.receive(again), 7)
end)

case("unlisten wakes who waits", function()
    local ch, done = process.listen("waited"), channel.new(1)
    coroutine.spawn(function() done:send({ ch:receive() }) end)
    process.unlisten(ch)
    expect.same(expect.receive(done), { [2] = false })
end)

case("unlisten checks its argument", function()
    expect.raises("channel expected", process.unlisten, 5)
    local fine, err = process.unlisten(channel.new())
    expect.equal(fine, false)
    expect.truthy(err, "an error")
end)

case("subscribe gives mail to a channel of your own", function()
    local ch = channel.new(10)
    subscribe("own", ch)
    process.send(me(), "own", { 1 })
    expect.same(expect.receive(ch), { 1 })
    unsubscribe(ch)
    local inbox = process.inbox()
    process.send(me(), "own", 2)
    expect.equal(expect.receive(inbox):topic(), "own")
end)

case("every coroutine may open channels", function()
    local done = channel.new(1)
    coroutine.spawn(function() done:send(process.listen("from coroutine")) end)
    local ch = expect.receive(done)
    expect.equal(process.listen("from coroutine"), ch)
    process.send(me(), "from coroutine", 1)
    expect.integer(expect.receive(ch), 1)
end)

return { main = main }
