-- Calls functions in their intervals. Which functions is what the registry says, now and later: entries
-- with meta.type = cron.job, meta.every = an interval. Tells the event bus, system "cron": started, ran,
-- failed, stopped; path is the job.
local bus = require("events")
local funcs = require("funcs")
local logger = require("logger")
local registry = require("registry")
local time = require("time")

local jobs = {} -- id -> {every, ticker, runs, failures}

local function tell(kind, id, data)
    bus.send("cron", kind, id, data)
    logger:info(kind .. " " .. id, data)
end

-- One call. The coroutine waits for it, the others go on; a function that fails says so and comes again.
local function run(id, job)
    job.runs = job.runs + 1
    local number = job.runs
    local value, failure = funcs.call(id, number)
    if failure then
        job.failures = job.failures + 1
        tell("failed", id, { run = number, error = tostring(failure) })
    else
        tell("ran", id, { run = number, result = tostring(value) })
    end
end

local function start(entry)
    local ticker, failure = time.ticker(entry.meta.every or "")
    if not ticker then
        logger:warn("no such interval", { job = entry.id, every = entry.meta.every, error = failure })
        return
    end
    local job = { every = entry.meta.every, ticker = ticker, runs = 0, failures = 0 }
    jobs[entry.id] = job
    tell("started", entry.id, { every = job.every })
    coroutine.spawn(function()
        local ticks = ticker:channel()
        while select(2, ticks:receive()) do run(entry.id, job) end
    end)
end

local function stop(id, job)
    jobs[id] = nil
    job.ticker:stop() -- closes the channel: the coroutine ends
    tell("stopped", id, { runs = job.runs, failures = job.failures })
end

-- Make `jobs` what the registry says. Called once at the start and after every change.
local function compare()
    local wanted = {}
    for _, entry in ipairs(registry.find({ [".kind"] = "function.lua", ["meta.type"] = "cron.job" })) do
        wanted[entry.id] = entry
    end
    for id, job in pairs(jobs) do
        if not wanted[id] or wanted[id].meta.every ~= job.every then stop(id, job) end
    end
    for id, entry in pairs(wanted) do
        if not jobs[id] then start(entry) end
    end
end

local function main()
    local events = process.events()
    local changes = assert(bus.subscribe("registry", "entry.*")):channel() -- before the first look
    compare()
    assert(process.registry.register("scheduler"))
    while true do
        local got = channel.select({ events:case_receive(), changes:case_receive() })
        if got.channel == events then break end
        compare()
    end
    for id, job in pairs(jobs) do stop(id, job) end
end

return { main = main }
