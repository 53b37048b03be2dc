-- process.registry.
local time = require("time")
local expect = require("expect")
local case, main = expect.cases()
local HOST = expect.HOST
local names = process.registry

case("scopes are numbers", function()
    expect.integer(names.LOCAL, 0)
    expect.integer(names.EVENTUAL, 1)
    expect.integer(names.CONSISTENT, 2)
    expect.integer(names.STRONG, 3)
end)

case("register, look up, unregister", function()
    local fine, err = names.register("my name")
    expect.equal(fine, true)
    expect.is_nil(err)
    expect.equal(names.lookup("my name"), process.pid())
    expect.equal(names.register("my name"), true) -- again, the same
    expect.equal(names.unregister("my name"), true)
    expect.equal(names.unregister("my name"), false)
    expect.failure("NotFound", "name not registered", names.lookup("my name"))
end)

case("a name of another is taken", function()
    local ready = process.listen("ready")
    local pid = process.spawn("app:actor", HOST, "named", "taken name", process.pid())
    expect.receive(ready)
    expect.failure("AlreadyExists", "name already registered", names.register("taken name"))
    expect.equal(names.unregister("taken name"), true) -- anyone may
    expect.equal(names.register("taken name"), true)
    names.unregister("taken name")
    process.terminate(pid)
end)

case("several names for one, any characters", function()
    for _, name in ipairs{ "room:general", "ünï", "{not a pid", " ", "a|b" } do
        expect.equal(names.register(name), true, name)
        expect.equal(names.lookup(name), process.pid(), name)
        expect.equal(names.unregister(name), true, name)
    end
end)

case("for another process", function()
    local events = process.events()
    local pid = expect.actor("wait")
    expect.equal(names.register("given name", pid), true)
    expect.equal(names.lookup("given name"), pid)
    process.cancel("given name")
    expect.exit(events, pid)
    expect.failure("NotFound", "name not registered", names.lookup("given name"))
end)

case("wrong arguments are told", function()
    expect.failure("Invalid", "pid must be a string", names.register("x", 5))
    expect.failure("Invalid", "*invalid pid", names.register("x", "nonsense"))
    expect.failure("Invalid", "scope must be a number (process.registry.LOCAL|EVENTUAL|CONSISTENT|STRONG)",
        names.register("x", process.pid(), "local"))
    local done, err = names.register("")
    expect.is_nil(done)
    expect.equal(err:kind(), "Invalid")
end)

case("there is only this node", function()
    expect.equal(names.register("x", process.pid(), names.LOCAL), true)
    names.unregister("x", names.LOCAL)
    expect.failure("Internal", "eventual registry not available", names.register("x", process.pid(), names.EVENTUAL))
    expect.failure("Internal", "global registry not available", names.register("x", process.pid(), names.CONSISTENT))
    expect.failure("Internal", "global registry not available", names.register("x", process.pid(), names.STRONG))
end)

case("a name is a destination", function()
    local inbox = process.inbox()
    names.register("to me")
    expect.equal(process.send("to me", "topic", 5), true)
    expect.integer(expect.receive(inbox):payload():data(), 5)
    names.unregister("to me")
end)

case("a pid is always a pid", function()
    local inbox, pid = process.inbox(), expect.actor("wait")
    names.register(pid) -- a name that looks like the pid of another
    expect.equal(process.send(pid, "x", 1), true)
    expect.silence(inbox, "20ms")
    names.unregister(pid)
    process.terminate(pid)
end)

case("the names of a dead process are free before its EXIT", function()
    local events, ready = process.events(), process.listen("ready")
    local pid = expect.actor("named", "name one", process.pid())
    expect.receive(ready)
    names.register("name two", pid)
    process.terminate(pid)
    expect.exit(events, pid)
    expect.equal(names.register("name one"), true)
    expect.equal(names.register("name two"), true)
    names.unregister("name one")
    names.unregister("name two")
end)

case("the names of a function hold while it runs", function()
    expect.failure("NotFound", "name not registered", names.lookup("left behind"))
    names.register("left behind")
    local other = process.exec("app:actor", HOST, "lookup", "left behind")
    expect.equal(other, process.pid())
end)

case("the names of a function end with its call", function() -- of the case before
    expect.becomes(function() return not names.lookup("left behind") end, "name of the last call is free")
end)

return { main = main }
