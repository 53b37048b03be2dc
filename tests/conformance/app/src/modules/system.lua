-- The system and metrics modules.
local system = require("system")
local metrics = require("metrics")
local expect = require("expect")
local case, main = expect.cases()

case("memory", function()
    local stats = expect.truthy(system.memory.stats())
    expect.truthy(stats.alloc > 0 and stats.heap_objects > 0, "positive")
    for _, name in ipairs{ "num_gc", "total_alloc", "sys", "heap_alloc", "heap_sys" } do
        expect.truthy(stats[name] ~= nil, name)
    end
    expect.truthy(system.memory.allocated() > 0, "allocated")
    expect.truthy(system.memory.heap_objects() > 0, "heap_objects")
    expect.failure("Invalid", "*", system.memory.set_limit(-5))
    expect.truthy(system.memory.get_limit(), "a limit")
end)

case("collection", function()
    local before = expect.truthy(system.gc.get_percent())
    expect.integer(system.gc.set_percent(55), before)
    expect.integer(system.gc.get_percent(), 55)
    system.gc.set_percent(before)
    expect.truthy(select(2, system.gc.collect()) == nil, "collect")
end)

case("runtime", function()
    expect.truthy(system.runtime.goroutines() > 0, "goroutines")
    expect.truthy(system.runtime.cpu_count() > 0, "cpu_count")
    expect.final_failure("Invalid", "*", system.runtime.max_procs(0))
    expect.final_failure("Invalid", "*", system.runtime.max_procs(-1))
    local before = expect.truthy(system.runtime.max_procs())
    expect.integer(system.runtime.max_procs(3), before)
    expect.integer(system.runtime.max_procs(), 3)
    system.runtime.max_procs(before)
end)

case("process", function()
    expect.truthy(system.process.pid() > 0, "pid")
    expect.matches(system.process.hostname(), ".")
    expect.matches(system.process.cwd(), "^/")
end)

case("modules", function()
    local names, list = {}, expect.truthy(system.modules())
    for _, item in ipairs(list) do names[type(item) == "table" and item.name or item] = true end
    expect.truthy(names.system and names.time, "names")
end)

case("hosts", function()
    local by_id = {}
    for _, host in ipairs(expect.truthy(system.hosts.list())) do by_id[host.id] = host end
    local host = expect.truthy(by_id["app:processes"], "app:processes")
    for _, field in ipairs{ "workers", "processes", "executed", "stolen", "queue_depth", "stuck_ended" } do
        expect.equal(math.type(host[field]), "integer", field)
    end
    expect.truthy(host.workers >= 1, "workers")
    expect.truthy(by_id["app:terminal"], "app:terminal")
end)

case("processes of a host", function()
    local pid = process.spawn("app:actor", "app:processes", "wait")
    local found
    expect.becomes(function()
        for _, item in ipairs(system.hosts.processes("app:processes")) do
            if item.pid == pid then found = item end
        end
        return found and found.state == "idle"
    end, "idle")
    expect.equal(found.host, "app:processes")
    expect.equal(found.source, "app:actor")
    expect.truthy(found.steps >= 1, "steps")
    expect.truthy(math.abs(found.started_at / 1e9 - os.time()) < 60, "started_at")
    expect.equal(found.parent, process.pid())
    expect.truthy(found.memory >= 4096, "memory")
    process.terminate(pid)
end)

local function memory_of(pid)
    for _, item in ipairs(system.hosts.processes("app:processes")) do
        if item.pid == pid then return item.memory end
    end
end

case("memory of a process is what it holds now", function()
    local pid = process.spawn("app:actor", "app:processes", "hold")
    process.send(pid, "hold", 1000000)
    expect.becomes(function() return memory_of(pid) > 1000000 end, "a megabyte more")
    expect.becomes(function() -- its collector decides when, and runs when it works
        process.send(pid, "hold", 1000)
        return memory_of(pid) < 500000
    end, "a megabyte less")
    process.terminate(pid)
end)

case("services", function()
    local state = expect.truthy(system.supervisor.state("app:processes"))
    expect.equal(state.id, "app:processes")
    expect.equal(state.status, "running")
    expect.equal(state.desired, "running")
    expect.equal(math.type(state.retry_count), "integer")
    expect.equal(math.type(state.started_at), "integer")
    expect.equal(math.type(state.last_update), "integer")
    expect.truthy(#system.supervisor.states() >= 2, "all")
end)

case("metrics", function()
    for _, call in ipairs{
        function() return metrics.counter_inc("c") end,
        function() return metrics.counter_inc("c", { a = "b" }) end,
        function() return metrics.counter_add("c", 5) end,
        function() return metrics.gauge_set("g", 1.5) end,
        function() return metrics.gauge_inc("g") end,
        function() return metrics.gauge_dec("g") end,
        function() return metrics.histogram("h", 0.25, { path = "/" }) end,
    } do
        local fine, err = call()
        expect.equal(fine, true)
        expect.is_nil(err)
    end
end)

return { main = main }
