-- Limits of hosts, services and hosts that the registry changes, what no script can prevent.
local time = require("time")
local registry = require("registry")
local system = require("system")
local expect = require("expect")
local case, main = expect.cases()
local HOST = expect.HOST

local function apply(action, entry)
    local changes = registry.snapshot():changes()
    changes[action](changes, entry)
    return changes:apply()
end

local function undone(name, body)
    case(name, function()
        local before = registry.current_version()
        local fine, err = pcall(body)
        local back, problem = registry.apply_version(before)
        if not fine then error(err, 0) end
        expect.equal(back, true, tostring(problem))
    end)
end

local function status(id)
    local state = system.supervisor.state(id)
    return state and state.status
end

-- ---- limits ----

case("a full mailbox refuses and takes again", function()
    local events, ready = process.events(), process.listen("ready")
    local pid = process.spawn_monitored("app:actor", "app:narrow", "late_events", process.pid())
    expect.receive(ready)
    local refused
    for i = 1, 20 do
        local fine, err = process.send(pid, "much", i)
        if not fine then refused = err break end
    end
    expect.equal(refused and refused:kind(), "RateLimited")
    expect.equal(process.cancel(pid), true) -- is not mail and always arrives
    process.terminate(pid)
    expect.exit(events, pid)
end)

case("who takes too much memory is ended", function()
    local events = process.events()
    local pid = process.spawn_monitored("app:actor", "app:tight", "eat")
    expect.error("Internal", "memory limit exceeded", expect.exit(events, pid).error)
    pid = process.spawn_monitored("app:actor", "app:tight", "value", "others go on")
    expect.equal(expect.exit(events, pid).value, "others go on")
end)

case("nothing a script does keeps it from being ended", function()
    local events = process.events()
    for _, how in ipairs{ "pcall", "handler", "generator", "close", "sort", "rep", "goto" } do
        local pid = expect.actor("never_stops", how)
        time.sleep("5ms")
        expect.equal(process.terminate(pid), true, how)
        expect.error("Internal", "process terminated", expect.exit(events, pid, "20s").error)
    end
    local pid = process.spawn_monitored("app:actor", "app:tight", "eat_in_pcall")
    process.terminate(pid)
    expect.truthy(expect.exit(events, pid).error, "an error")
end)

-- ---- hosts that come, change and go ----

undone("a host is started, and stopped when it is deleted", function()
    local events = process.events()
    expect.truthy(apply("create", { id = "app.new:host", kind = "process.host",
        data = { host = { workers = 1 }, lifecycle = { auto_start = true } } }))
    expect.becomes(function() return status("app.new:host") == "running" end, "running")
    expect.equal(process.exec("app:actor", "app.new:host", "value", 5), 5)
    local pid = process.spawn_monitored("app:actor", "app.new:host", "wait")
    expect.truthy(apply("delete", "app.new:host"))
    expect.equal(expect.exit(events, pid).value, "pid.cancel")
    expect.becomes(function() return not process.spawn("app:actor", "app.new:host", "value") end, "gone")
end)

undone("a host created again while its former self still stops is started", function()
    local entry = { id = "app.new:host", kind = "process.host",
        data = { host = { workers = 1 }, lifecycle = { auto_start = true } } }
    local ready, events = process.listen("ready"), process.events()
    apply("create", entry)
    expect.becomes(function() return status("app.new:host") == "running" end, "running")
    local pid = process.spawn_monitored("app:actor", "app.new:host", "stop_slowly", process.pid(), "100ms")
    expect.receive(ready)
    expect.truthy(apply("delete", "app.new:host"))
    expect.truthy(apply("create", entry))
    expect.exit(events, pid)
    expect.becomes(function() return process.spawn("app:actor", "app.new:host", "value") end, "running again")
end)

undone("the workers of a running host can be changed, nothing else", function()
    local events = process.events()
    local pid = process.spawn_monitored("app:actor", "app:narrow", "echo")
    local entry = registry.get("app:narrow")
    entry.data.host.workers = 3
    expect.truthy(apply("update", entry))
    expect.becomes(function()
        for _, host in ipairs(system.hosts.list()) do
            if host.id == "app:narrow" then return host.workers == 3 end
        end
    end, "three workers")
    local inbox = process.inbox()
    process.send(pid, "ping", 1) -- its processes live on
    expect.equal(expect.receive(inbox):topic(), "ping")
    entry.data.host.mailbox_limit = 5
    local done, err = apply("update", entry)
    expect.is_nil(done)
    expect.contains(err, "app:narrow")
    process.cancel(pid)
    expect.equal(expect.exit(events, pid).value, "pid.cancel")
end)

-- ---- services that come, change and go ----

local function service(input, lifecycle)
    return { id = "app.new:service", kind = "process.service",
        data = { process = "app:actor", host = HOST, input = input, lifecycle = lifecycle } }
end

undone("a service is started, and stopped when it is deleted", function()
    local ready, events = process.listen("ready"), process.events()
    expect.truthy(apply("create", service({ "cancel_event", process.pid() }, { auto_start = true })))
    expect.receive(ready)
    local found
    expect.becomes(function()
        for _, item in ipairs(system.hosts.processes(HOST)) do
            if item.source == "app:actor" and not item.parent or item.source == "app:actor" and item.state == "idle" then
                found = item.pid
            end
        end
        return found
    end, "its process")
    process.monitor(found)
    expect.becomes(function() return status("app.new:service") == "running" end, "running")
    expect.truthy(apply("delete", "app.new:service"))
    local seen = expect.exit(events, found).value
    expect.equal(seen.reason, "service stopping")
    expect.matches(seen.from, "^{node:control|0x%x+}$")
end)

undone("a running service whose entry changes is started again with the new input", function()
    local ready = process.listen("ready")
    apply("create", service({ "stop_slowly", process.pid(), "1ms" }, { auto_start = true }))
    local pid = expect.receive(ready)
    expect.truthy(apply("update", service({ "named", "the service", process.pid() }, { auto_start = true })))
    local again = expect.receive(ready)
    expect.truthy(again ~= pid, "a new pid")
    expect.equal(process.registry.lookup("the service"), again)
    expect.failure("NotFound", "process not found", process.send(pid, "t", 1))
end)

undone("a service whose process returned is exited", function()
    expect.truthy(apply("create", service({ "value", 5 }, { auto_start = true })))
    expect.becomes(function() return status("app.new:service") == "exited" end, "exited")
    local state = system.supervisor.state("app.new:service")
    expect.integer(state.retry_count, 0)
end)

undone("a service that fails is failed, then tried again", function()
    local ready = process.listen("ready")
    apply("create", service({ "tell_and_fail", process.pid() }, { auto_start = true,
        restart = { initial_delay = "10ms", max_attempts = 3, jitter = 0 } }))
    for _ = 1, 3 do expect.receive(ready) end
    expect.becomes(function() return status("app.new:service") == "failed" end, "failed")
    expect.silence(ready, "100ms")
end)

undone("a service that fails is started again, as a new process", function()
    local ready, events = process.listen("ready"), process.events()
    apply("create", service({ "spin_then_die", process.pid(), "x" }, { auto_start = true,
        restart = { initial_delay = "10ms", jitter = 0 } }))
    local pid = expect.receive(ready)
    process.monitor(pid)
    process.send(pid, "die", 1)
    expect.error("Internal", "x", expect.exit(events, pid).error)
    local again = expect.receive(ready)
    expect.truthy(again ~= pid, "a new pid for each start")
    expect.truthy(apply("delete", "app.new:service"))
    process.terminate(again) -- it hears no CANCEL
end)

undone("a service whose process is terminated is started again", function()
    local ready = process.listen("ready")
    apply("create", service({ "spin_then_die", process.pid(), "x" }, { auto_start = true,
        restart = { initial_delay = "10ms", jitter = 0 } }))
    local pid = expect.receive(ready)
    process.terminate(pid)
    local again = expect.receive(ready)
    expect.truthy(again ~= pid, "a new pid")
    expect.truthy(apply("delete", "app.new:service"))
    process.terminate(again)
end)

undone("a service created again while its former self still stops is started", function()
    local ready = process.listen("ready")
    local entry = service({ "stop_slowly", process.pid(), "100ms" }, { auto_start = true })
    apply("create", entry)
    local pid = expect.receive(ready)
    expect.truthy(apply("delete", "app.new:service"))
    expect.truthy(apply("create", entry))
    local again = expect.receive(ready)
    expect.truthy(again ~= pid, "a new pid")
    expect.becomes(function() return status("app.new:service") == "running" end, "running")
end)

local crowd = [[return function(all)
    for i = 1, 21 do
        local spawner = process.with_options(i == 11 and { priority = "high" } or { priority = "normal" })
        spawner:spawn("app.new:one", "app.new:host", all, i)
    end
end]]

undone("a process with high priority runs before normal ones", function()
    local ran = process.listen("ran")
    apply("create", { id = "app.new:host", kind = "process.host",
        data = { host = { workers = 1 }, lifecycle = { auto_start = true } } })
    apply("create", { id = "app.new:one", kind = "process.lua",
        data = { source = "return function(all, i) process.send(all, 'ran', i) end" } })
    apply("create", { id = "app.new:crowd", kind = "process.lua", data = { source = crowd } })
    expect.becomes(function() return status("app.new:host") == "running" end, "running")
    local best = 21
    for _ = 1, 10 do
        expect.truthy(process.spawn("app.new:crowd", "app.new:host", process.pid()))
        for place = 1, 21 do
            if expect.receive(ran) == 11 then best = math.min(best, place) end
        end
    end
    expect.truthy(best <= 3, "first by arrival it would be 11th, it was " .. best)
end)

case("services that do not start by themselves are left alone", function()
    expect.failure("Unavailable", "host is not running", process.spawn("app:actor", "app:asleep"))
end)

case("a service on the host of the runtime is refused", function()
    local done, err = apply("create", { id = "app.new:service", kind = "process.service",
        data = { process = "app:actor", host = "node:control" } })
    expect.is_nil(done)
    expect.contains(err, "node:control")
end)

case("process and host of a service are required", function()
    for _, data in ipairs{ { host = HOST }, { process = "app:actor" } } do
        local done, err = apply("create", { id = "app.new:service", kind = "process.service", data = data })
        expect.is_nil(done)
        expect.truthy(err)
    end
end)

return { main = main }
