-- Events: EXIT, LINK_DOWN, CANCEL; monitor, link, options, cancel, terminate.
local time = require("time")
local expect = require("expect")
local case, main = expect.cases()
local HOST = expect.HOST

local function unused_pid()
    local events = process.events()
    local pid = expect.actor("value")
    expect.exit(events, pid)
    return pid
end

-- ---- constants and shapes ----

case("event names", function()
    expect.equal(process.event.EXIT, "pid.exit")
    expect.equal(process.event.CANCEL, "pid.cancel")
    expect.equal(process.event.LINK_DOWN, "pid.link.down")
    expect.equal(process.event.OUTDATED, "pid.outdated")
end)

case("shape of EXIT", function()
    local events = process.events()
    local pid = expect.actor("value", { x = 1 })
    local event = expect.receive(events)
    expect.equal(event.kind, "pid.exit")
    expect.equal(event.from, pid)
    expect.equal(type(event.at), "number")
    expect.truthy(math.abs(event.at - os.time()) < 60, "at is now")
    expect.same(event.result, { value = { x = 1 } })
    expect.is_nil(event.error)
    expect.is_nil(event.payload)
end)

case("shape of LINK_DOWN", function()
    process.set_options({ trap_links = true })
    local events = process.events()
    local pid = process.spawn_linked("app:actor", HOST, "raise_error", "Timeout", "late")
    local event = expect.receive(events)
    expect.equal(event.kind, "pid.link.down")
    expect.equal(event.from, pid)
    expect.equal(type(event.at), "number")
    expect.error("Timeout", "late", event.result.error)
end)

case("shape of CANCEL", function()
    local events, ready = process.events(), process.listen("ready")
    local pid = expect.actor("cancel_event", process.pid())
    expect.receive(ready)
    expect.equal(process.cancel(pid, "tidy up"), true)
    local seen = expect.exit(events, pid).value
    expect.equal(seen.kind, "pid.cancel")
    expect.equal(seen.from, process.pid())
    expect.equal(seen.reason, "tidy up")
    expect.equal(type(seen.at), "number")
end)

case("CANCEL without reason has an empty one", function()
    local events, ready = process.events(), process.listen("ready")
    local pid = expect.actor("cancel_event", process.pid())
    expect.receive(ready)
    expect.equal(process.cancel(pid), true)
    expect.equal(expect.exit(events, pid).value.reason, "")
end)

-- ---- exit ----

case("after EXIT the pid is gone and its names are free", function()
    local events, ready = process.events(), process.listen("ready")
    for i, stop in ipairs{
        function(pid) process.cancel(pid) end,
        function(pid) process.terminate(pid) end,
    } do
        local name = "short lived " .. i
        local pid = expect.actor("named", name, process.pid())
        expect.receive(ready)
        expect.equal(process.registry.lookup(name), pid)
        stop(pid)
        expect.exit(events, pid)
        local err = expect.failure("NotFound", "process not found", process.send(pid, "t", 1))
        expect.truthy(string.find(err, "not found"), "string functions read errors")
        expect.failure("NotFound", "name not registered", process.registry.lookup(name))
        expect.failure("NotFound", "*could not resolve", process.send(name, "t", 1))
    end
end)

case("after EXIT by error the pid is gone", function()
    local events = process.events()
    local pid = expect.actor("raise", "x")
    expect.exit(events, pid)
    expect.failure("NotFound", "process not found", process.send(pid, "t", 1))
end)

case("what a child sent comes before its EXIT", function()
    local got = process.listen("late")
    local events = process.events()
    local pid = expect.actor("tell_many", process.pid(), "late", 3)
    local order = {}
    for _ = 1, 4 do
        local from = channel.select{ events:case_receive(), got:case_receive() }
        order[#order + 1] = from.channel == events and from.value.kind or from.value
    end
    expect.same(order, { 1, 2, 3, "pid.exit" })
    expect.truthy(pid)
end)

case("every watcher gets one EXIT", function()
    local events = process.events()
    local target = process.spawn("app:actor", HOST, "wait")
    local watchers = {}
    for _ = 1, 3 do
        local pid = expect.actor("watch", target, process.pid())
        watchers[pid] = true
    end
    local ready = process.listen("watching")
    for _ = 1, 3 do expect.receive(ready) end
    process.cancel(target)
    for _ = 1, 3 do
        local event = expect.receive(events)
        expect.truthy(watchers[event.from], "a watcher")
        expect.same(event.result.value, { from = target, value = "pid.cancel", more = false })
    end
end)

-- ---- monitor ----

case("monitor a running process", function()
    local events = process.events()
    local pid = process.spawn("app:actor", HOST, "wait")
    expect.equal(process.monitor(pid), true)
    process.cancel(pid)
    expect.equal(expect.exit(events, pid).value, "pid.cancel")
    expect.silence(events)
end)

case("monitor twice is refused", function()
    local pid = process.spawn("app:actor", HOST, "wait")
    expect.equal(process.monitor(pid), true)
    local err = expect.failure("Internal", "*already monitoring pid", process.monitor(pid))
    expect.contains(err, "monitor failed:")
    process.unmonitor(pid)
    process.terminate(pid)
end)

case("no EXIT after unmonitor", function()
    local events = process.events()
    local pid = expect.actor("wait")
    expect.equal(process.unmonitor(pid), true)
    expect.equal(process.unmonitor(pid), true)
    process.cancel(pid)
    expect.silence(events)
end)

case("monitor and link of a dead process are refused, unmonitor and unlink are not", function()
    local pid = unused_pid()
    expect.contains(expect.failure("Internal", "*pid not registered", process.monitor(pid)), "monitor failed:")
    expect.contains(expect.failure("Internal", "*pid not registered", process.link(pid)), "link failed:")
    expect.equal(process.unmonitor(pid), true)
    expect.equal(process.unlink(pid), true)
end)

case("a missing argument is told", function()
    for _, name in ipairs{ "monitor", "unmonitor", "link", "unlink" } do
        expect.failure("Invalid", name .. " requires a destination argument", process[name]())
    end
end)

case("a name is good for every verb", function()
    local events, ready = process.events(), process.listen("ready")
    local pid = process.spawn("app:actor", HOST, "named", "for every verb", process.pid())
    expect.receive(ready)
    expect.equal(process.monitor("for every verb"), true)
    expect.equal(process.unmonitor("for every verb"), true)
    expect.equal(process.link("for every verb"), true)
    expect.equal(process.link("for every verb"), true)
    expect.equal(process.unlink("for every verb"), true)
    expect.equal(process.monitor("for every verb"), true)
    expect.equal(process.cancel("for every verb", "x"), true)
    expect.equal(expect.exit(events, pid).value, "pid.cancel")
end)

-- ---- cancel and terminate ----

case("cancel is only a request", function()
    local events = process.events()
    local pid = expect.actor("deaf")
    expect.equal(process.cancel(pid), true)
    expect.silence(events)
    process.send(pid, "t", 1)
    expect.equal(expect.exit(events, pid).value, "mail")
end)

case("CANCEL waits in the mailbox", function()
    local events, ready = process.events(), process.listen("ready")
    local pid = expect.actor("late_events", process.pid())
    expect.receive(ready)
    process.cancel(pid, "early")
    process.send(pid, "go", 1)
    expect.equal(expect.exit(events, pid).value, "pid.cancel")
end)

case("cancel and terminate of the dead and the unknown", function()
    local pid = unused_pid()
    expect.contains(expect.failure("Internal", "*process not found", process.cancel(pid)), "cancel failed:")
    expect.contains(expect.failure("Internal", "*process not found", process.terminate(pid)), "terminate failed:")
    local text = "could not resolve 'nobody' as PID or registered name"
    expect.failure("NotFound", text, process.cancel("nobody"))
    expect.failure("NotFound", text, process.terminate("nobody"))
end)

case("a reason is a string", function()
    local pid = expect.actor("wait")
    expect.raises("string expected", process.cancel, pid, {})
    process.terminate(pid)
end)

case("terminate is an error for links", function()
    local events, ready = process.events(), process.listen("linked")
    local target = process.spawn("app:actor", HOST, "wait")
    local pid = expect.actor("link_then_wait", target, true, process.pid())
    expect.receive(ready)
    process.terminate(target)
    local seen = expect.exit(events, pid).value
    expect.equal(seen.kind, "pid.link.down")
    expect.error("Internal", "process terminated", seen.error)
end)

-- ---- options ----

case("options: default, set, get", function()
    expect.equal(process.get_options().trap_links, false)
    expect.equal(process.get_options().upgradable, false)
    local fine, err = process.set_options({ trap_links = true, upgradable = true })
    expect.equal(fine, true)
    expect.is_nil(err)
    expect.same(process.get_options(), { trap_links = true, upgradable = true })
    process.set_options({ trap_links = false, upgradable = false })
    expect.equal(process.get_options().trap_links, false)
end)

case("options: wrong ones are told, right ones of the same call hold", function()
    expect.failure("Invalid", "options parameter must be a table", process.set_options(5))
    expect.failure("Invalid", "trap_links must be a boolean", process.set_options({ trap_links = "yes" }))
    expect.failure("Invalid", "*is not supported", process.set_options({ trap_links = true, other = 1 }))
    expect.equal(process.get_options().trap_links, true)
    local _, err = process.set_options({ other = 1 })
    expect.contains(err, "option")
    expect.contains(err, "other")
    process.set_options({ trap_links = false })
end)

case("options are not inherited", function()
    process.set_options({ trap_links = true })
    expect.equal(process.exec("app:actor", HOST, "options").trap_links, false)
end)

-- ---- links ----

case("without trapping a failed link ends the process", function()
    local events, ready = process.events(), process.listen("ready")
    local linked = process.listen("linked")
    local target = process.spawn("app:actor", HOST, "spin_then_die", process.pid(), "first")
    expect.receive(ready)
    local pid = expect.actor("link_then_wait", target, false, process.pid())
    expect.receive(linked)
    process.send(target, "die", 1)
    local result = expect.exit(events, pid)
    expect.error("Internal", "linked process failed", result.error)
    expect.is_nil(result.value)
end)

case("a body that never asked for events is ended too", function()
    local events = process.events()
    local pid = expect.actor("link_deaf")
    expect.error("Internal", "linked process failed", expect.exit(events, pid).error)
end)

case("with trapping it is an event", function()
    local events, ready = process.events(), process.listen("ready")
    local linked = process.listen("linked")
    local target = process.spawn("app:actor", HOST, "spin_then_die", process.pid(), "first")
    expect.receive(ready)
    local pid = expect.actor("link_then_wait", target, true, process.pid())
    expect.receive(linked)
    process.send(target, "die", 1)
    local seen = expect.exit(events, pid).value
    expect.equal(seen.kind, "pid.link.down")
    expect.equal(seen.from, target)
    expect.error("Internal", "first", seen.error)
end)

case("a normal end says nothing to links", function()
    process.set_options({ trap_links = true })
    local events = process.events()
    local pid = process.spawn_linked("app:actor", HOST, "value", 1)
    expect.silence(events, "300ms")
    pid = process.spawn_linked("app:actor", HOST, "wait")
    process.cancel(pid)
    expect.silence(events, "300ms")
end)

case("after unlink nothing comes", function()
    process.set_options({ trap_links = true })
    local events, ready = process.events(), process.listen("ready")
    local pid = process.spawn_linked("app:actor", HOST, "spin_then_die", process.pid(), "x")
    expect.receive(ready)
    expect.equal(process.unlink(pid), true)
    expect.equal(process.unlink(pid), true)
    process.send(pid, "die", 1)
    expect.silence(events)
end)

case("the end of one who linked reaches the other side", function()
    process.set_options({ trap_links = true })
    local events, linked = process.events(), process.listen("linked")
    local pid = process.spawn("app:actor", HOST, "link_then_die", process.pid())
    expect.receive(linked)
    local event = expect.receive(events)
    expect.equal(event.kind, "pid.link.down")
    expect.equal(event.from, pid)
end)

case("star: ten children see their root fail", function()
    local events, down = process.events(), process.listen("down")
    local root = expect.actor("root_of_star", 10, process.pid())
    expect.error("Internal", "root failed", expect.exit(events, root).error)
    for _ = 1, 10 do
        expect.same(expect.receive(down), { kind = "pid.link.down", root = true, error = "root failed" })
    end
end)

local function chain(trap_at)
    local ready, complete, events = process.listen("member"), process.listen("complete"), process.events()
    local first = expect.actor("chain", 6, nil, process.pid(), trap_at)
    local members = {}
    for _ = 1, 6 do
        local member = expect.receive(ready)
        members[member.depth] = member.pid
        process.monitor(member.pid)
    end
    expect.receive(complete)
    process.send(first, "fail", 1)
    return events, first, members
end

case("chain: an error runs through all links", function()
    local events, first = chain(nil)
    local ends = 0
    for _ = 1, 7 do
        local event = expect.receive(events)
        expect.equal(event.kind, "pid.exit")
        expect.equal(event.result.error:message(),
            event.from == first and "first of the chain failed" or "linked process failed")
        ends = ends + 1
    end
    expect.equal(ends, 7)
end)

case("chain: one that traps and returns stops it", function()
    local events, _, members = chain(5)
    local seen = {}
    for _ = 1, 2 do
        local event = expect.receive(events)
        seen[event.from] = event.result
    end
    expect.equal(seen[members[5]].value, "pid.link.down")
    expect.silence(events, "300ms")
    for depth = 0, 4 do process.cancel(members[depth]) end
end)

case("a function may monitor and link", function() -- all cases are functions; this one says so
    expect.matches(process.pid(), "#lua%.%d+|")
    local events = process.events()
    local pid = process.spawn("app:actor", HOST, "wait")
    expect.equal(process.link(pid), true)
    expect.equal(process.monitor(pid), true)
    process.unlink(pid)
    process.terminate(pid)
    expect.exit(events, pid)
end)

case("a service for requests maps EXIT to the one who asked", function()
    local answer = process.listen("answer")
    local pid = process.spawn("app:actor", HOST, "request_service")
    for i = 1, 3 do process.send(pid, "request", { n = i, from = process.pid() }) end
    local sum = 0
    for _ = 1, 3 do sum = sum + expect.receive(answer) end
    expect.integer(sum, 2 + 4 + 6)
    process.terminate(pid)
end)

return { main = main }
