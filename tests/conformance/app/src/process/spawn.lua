-- process.spawn and its kin, process.exec.
local time = require("time")
local expect = require("expect")
local case, main = expect.cases()
local HOST = expect.HOST

local variants = {
    spawn = process.spawn,
    spawn_monitored = process.spawn_monitored,
    spawn_linked = process.spawn_linked,
    spawn_linked_monitored = process.spawn_linked_monitored,
}

case("every variant answers a pid", function()
    for name, spawn in pairs(variants) do
        local pid, err = spawn("app:actor", HOST, "value", 1)
        expect.matches(pid, "^{app:processes|0x%x+}$", name)
        expect.is_nil(err)
    end
end)

case("fewer than two arguments are refused", function()
    for name, spawn in pairs(variants) do
        local message = name .. " requires at least id and host arguments"
        expect.final_failure("Invalid", message, spawn())
        expect.final_failure("Invalid", message, spawn("app:actor"))
    end
end)

case("an unknown host is told", function()
    for _, spawn in pairs(variants) do
        local err = expect.final_failure("NotFound", "host not found", spawn("app:actor", "app:nowhere"))
        expect.equal(err:details().host_id, "app:nowhere")
    end
end)

case("an unknown entry is told", function()
    for _, spawn in pairs(variants) do
        local err = expect.final_failure("NotFound", "factory not found", spawn("app:nobody", HOST))
        expect.equal(err:details().factory_id, "app:nobody")
    end
end)

case("an entry that is no process is told", function()
    expect.final_failure("NotFound", "factory not found", process.spawn("app:thing", HOST))
end)

case("no namespace is added", function()
    expect.failure("NotFound", "factory not found", process.spawn("actor", HOST))
    expect.failure("NotFound", "host not found", process.spawn("app:actor", "processes"))
end)

case("a host that is none is told", function()
    expect.final_failure("Internal", "host does not implement process.Host",
        process.spawn("app:actor", "app:thing"))
end)

case("a host that is not started is told", function()
    expect.failure("Unavailable", "host is not running", process.spawn("app:actor", "app:asleep"))
end)

case("a full host refuses and takes again", function()
    local events = process.events()
    local one = expect.truthy(process.spawn_monitored("app:actor", "app:small", "wait"))
    local two = expect.truthy(process.spawn_monitored("app:actor", "app:small", "wait"))
    expect.failure("RateLimited", "max processes limit exceeded", process.spawn("app:actor", "app:small", "wait"))
    process.terminate(one)
    expect.exit(events, one)
    expect.becomes(function() return process.spawn("app:actor", "app:small", "value") end, "room again")
    process.terminate(two)
    expect.exit(events, two)
end)

case("an id or host that is no string raises", function()
    expect.raises("string expected", process.spawn, 5, HOST)
    expect.raises("string expected", process.spawn, {}, HOST)
    expect.raises("string expected", process.spawn, "app:actor", true)
end)

case("a failed start is no process", function()
    local events = process.events()
    expect.final_failure("NotFound", '*not found in module', process.spawn_monitored("app.process:chunk_no_method", HOST))
    expect.silence(events)
end)

case("a child that ends at once is still seen", function()
    local events = process.events()
    for i = 1, 20 do
        expect.integer(expect.exit(events, expect.actor("value", i)).value, i)
    end
end)

case("a linked child that fails at once brings LINK_DOWN", function()
    process.set_options({ trap_links = true })
    local events = process.events()
    local pid = process.spawn_linked("app:actor", HOST, "raise", "at once")
    local event = expect.receive(events)
    expect.equal(event.kind, process.event.LINK_DOWN)
    expect.equal(event.from, pid)
    expect.error("Internal", "at once", event.result.error)
end)

case("linked and monitored: EXIT first, then LINK_DOWN", function()
    process.set_options({ trap_links = true })
    local events = process.events()
    local pid = process.spawn_linked_monitored("app:actor", HOST, "raise", "both")
    expect.error("Internal", "both", expect.exit(events, pid).error)
    local event = expect.receive(events)
    expect.equal(event.kind, process.event.LINK_DOWN)
    expect.equal(event.from, pid)
end)

case("a child outlives its creator", function()
    local ready = process.listen("ready")
    local events = process.events()
    local pid = expect.actor("value")
    expect.exit(events, pid)
    -- an actor that starts another and ends
    local first = expect.actor("start_named", "outlives", process.pid())
    expect.exit(events, first)
    local second = expect.receive(ready)
    expect.equal(process.send(second, "still there", 1), true)
    process.terminate(second)
end)

-- ---- exec ----

case("exec answers what the process returned", function()
    local value, err = process.exec("app:actor", HOST, "value", 5, 6)
    expect.integer(value, 5)
    expect.is_nil(err)
end)

case("exec answers the error of the process", function()
    expect.failure("Internal", "wrong", process.exec("app:actor", HOST, "raise", "wrong"))
    local err = expect.failure("Timeout", "late", process.exec("app:actor", HOST, "return_error", "Timeout", "late"))
    expect.equal(err:retryable(), true)
end)

case("exec waits while other coroutines run", function()
    local ticks = 0
    coroutine.spawn(function() -- the child ends because this one runs, however slow the machine is
        while ticks < 3 or not process.registry.lookup("executed") do
            time.sleep("1ms")
            ticks = ticks + 1
        end
        process.cancel("executed")
    end)
    expect.equal(process.exec("app:actor", HOST, "named", "executed", process.pid()), process.event.CANCEL)
    expect.truthy(ticks > 2, "ticks")
end)

case("exec checks its arguments", function()
    expect.final_failure("Invalid", "exec requires id and host arguments", process.exec("app:actor"))
    expect.final_failure("Invalid", "process ID required", process.exec("", HOST))
    expect.final_failure("Invalid", "invalid process ID format (namespace:name required)", process.exec("actor", HOST))
    expect.final_failure("Invalid", "host ID required", process.exec("app:actor", ""))
end)

case("exec of what does not exist", function()
    expect.failure("NotFound", "host not found", process.exec("app:actor", "app:nowhere"))
    expect.failure("NotFound", "factory not found", process.exec("app:nobody", HOST))
end)

case("an executed process may call in parallel", function()
    expect.integer(process.exec("app:actor", HOST, "sleep_in_parallel", "app.modules:slow_echo", 5), 15)
end)

return { main = main }
