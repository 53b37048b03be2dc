-- Watches until each job ran, adds a job through the registry, watches it run, and takes it away.
local io = require("io")
local bus = require("events")
local registry = require("registry")
local time = require("time")

local NEW_JOB = "app:greeting"

local began = time.now()

local function show(event)
    local data = event.data
    local said = data.result or data.error or (data.every and "every " .. data.every)
        or string.format("after %d runs", data.runs)
    io.print(string.format("%5.2f s  %-14s %-8s %s", time.now():sub(began):seconds(), event.path,
        event.kind, said))
end

local function add_job()
    local changes = registry.snapshot():changes()
    changes:create({
        id = NEW_JOB,
        kind = "function.lua",
        meta = { type = "cron.job", every = "100ms" },
        data = {
            method = "main",
            source = 'return { main = function(run) return ("hello "):rep(run % 4) .. "!" end }',
        },
    })
    assert(changes:apply())
end

local function remove_job()
    local changes = registry.snapshot():changes()
    changes:delete(NEW_JOB)
    assert(changes:apply())
end

-- Show what comes until `enough` says so.
local function watch(told, enough)
    repeat
        local event = told:receive()
        show(event)
    until enough(event)
end

local function main(argument)
    local wanted = tonumber(argument or 3)
    local told = assert(bus.subscribe("cron")):channel()
    while not process.registry.lookup("scheduler") do time.sleep("5ms") end
    local runs = {}
    local function count(event)
        if event.kind == "ran" or event.kind == "failed" then
            runs[event.path] = (runs[event.path] or 0) + 1
        end
    end

    -- Until the rarest job ran twice: once well, once not.
    watch(told, function(event)
        count(event)
        return runs["app:backup"] == 2
    end)
    io.print("-- " .. NEW_JOB .. " is added to the registry")
    add_job()
    watch(told, function(event)
        count(event)
        return runs[NEW_JOB] == wanted
    end)
    io.print("-- " .. NEW_JOB .. " is removed from the registry")
    remove_job()
    watch(told, function(event) return event.kind == "stopped" and event.path == NEW_JOB end)
    return 0
end

return { main = main }
