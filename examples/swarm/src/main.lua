-- Spawns a swarm, monitors all of it, reports three times who is alive and how much was heard, and ends
-- it. Each bee has its own ticker, between half a second and a second.
local io = require("io")
local system = require("system")
local time = require("time")

local REPORTS = 3

local function milliseconds_since(began)
    return time.now():sub(began):milliseconds()
end

local function spawn(number)
    local pids = {}
    for index = 1, number do
        local every = string.format("%dms", 500 + index % 501)
        local pid, failure = process.spawn_monitored("app:bee", "app:workers", process.pid(), every)
        if not pid then return nil, failure end
        pids[index] = pid
    end
    return pids
end

-- Processes of the host, as the runtime counts them.
local function running()
    for _, host in ipairs(system.hosts.list()) do
        if host.id == "app:workers" then return host.processes end
    end
    return 0
end

local function main(argument)
    local number = tonumber(argument or 10000)
    local inbox, events = process.inbox(), process.events()
    local began = time.now()
    local pids, failure = spawn(number)
    if not pids then return nil, failure end
    io.print(string.format("%d processes with a ticker each spawned in %d ms", number,
        milliseconds_since(began)))

    local alive, ticks, reports = number, 0, 0
    local report = time.ticker("1s"):channel()
    while reports < REPORTS do
        local got = channel.select({ report:case_receive(), events:case_receive(), inbox:case_receive() })
        if got.channel == inbox then
            ticks = ticks + 1
        elseif got.channel == events then
            if got.value.kind == process.event.CANCEL then return 1 end
            alive = alive - 1
        else
            reports = reports + 1
            io.print(string.format("report %d: %d alive, %d on the host, %d ticks heard", reports, alive,
                running(), ticks))
            ticks = 0
        end
    end

    began = time.now()
    for _, pid in ipairs(pids) do process.cancel(pid) end
    while alive > 0 do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then alive = alive - 1 end
    end
    io.print(string.format("all ended in %d ms", milliseconds_since(began)))
    return 0
end

return { main = main }
