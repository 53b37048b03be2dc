-- The parent of three workers. They are linked to it: when it fails they fall with it. It traps links:
-- when one of them fails it lives on and starts another. Answers to messages
--   job DIVISOR   later: answer {divisor, result | failure}
--   team          team {pids, seen}: the workers, and the events that came
local WORKERS = 3

local workers = {} -- index -> {pid, customer, divisor}
local by_pid = {}  -- pid -> index, also of a worker whose LINK_DOWN is still to come
local failures = {} -- pid -> {customer, divisor, failure}
local waiting = {} -- jobs nobody has begun
local seen = { exit = 0, link_down = 0 }

local function start(index)
    local pid, failure = process.spawn_linked_monitored("app:worker", "app:workers")
    if not pid then error(failure) end
    workers[index] = { pid = pid }
    by_pid[pid] = index
end

local function hand_out()
    for _, worker in ipairs(workers) do
        if not worker.customer and #waiting > 0 then
            local job = table.remove(waiting, 1)
            worker.customer, worker.divisor = job.customer, job.divisor
            process.send(worker.pid, "job", job.divisor)
        end
    end
end

-- First comes EXIT, because the worker is monitored: the moment to replace it ...
local function on_exit(event)
    local index = by_pid[event.from]
    seen.exit = seen.exit + 1
    failures[event.from] = { customer = workers[index].customer, divisor = workers[index].divisor,
                             failure = tostring(event.result.error or "the worker ended") }
    start(index)
end

-- ... then LINK_DOWN, because it is linked and ended with an error.
local function on_link_down(event)
    local lost = failures[event.from]
    seen.link_down = seen.link_down + 1
    failures[event.from], by_pid[event.from] = nil, nil
    if lost.customer then
        process.send(lost.customer, "answer", { divisor = lost.divisor, failure = lost.failure })
    end
end

local function on_mail(message)
    local topic, from = message:topic(), message:from()
    if topic == "job" then
        local divisor = message:payload():data()
        if type(divisor) ~= "number" then
            error("a job is a number, not " .. tostring(divisor), 0)
        end
        waiting[#waiting + 1] = { customer = from, divisor = divisor }
    elseif topic == "done" and by_pid[from] then
        local worker = workers[by_pid[from]]
        local answer = message:payload():data()
        process.send(worker.customer, "answer", answer)
        worker.customer, worker.divisor = nil, nil
    elseif topic == "team" then
        local pids = {}
        for index, worker in ipairs(workers) do pids[index] = worker.pid end
        process.send(from, "team", { pids = pids, seen = seen })
    end
end

local function main()
    process.set_options({ trap_links = true }) -- before anybody is linked
    for index = 1, WORKERS do start(index) end
    assert(process.registry.register("foreman"))
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel ~= events then
            on_mail(got.value)
        elseif got.value.kind == process.event.EXIT then
            on_exit(got.value)
        elseif got.value.kind == process.event.LINK_DOWN then
            on_link_down(got.value)
        else
            for _, worker in ipairs(workers) do process.cancel(worker.pid, "the crew stops") end
            return
        end
        hand_out()
    end
end

return { main = main }
