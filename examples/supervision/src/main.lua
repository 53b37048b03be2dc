-- Breaks the tree in three places, tells what happens, and compares it with what should.
local io = require("io")
local bus = require("events")
local system = require("system")
local time = require("time")

local inbox, events
local surprises = 0

local function expect(what, good)
    if good then return end
    surprises = surprises + 1
    io.eprint("not as expected: " .. what)
end

-- The foreman, as soon as there is one that is not `old`.
local function find_foreman(old)
    for _ = 1, 1000 do
        local pid = process.registry.lookup("foreman")
        if pid and pid ~= old then return pid end
        time.sleep("5ms")
    end
    error("there is no foreman")
end

local function next_mail()
    local message = inbox:receive()
    return message:payload():data()
end

-- Answers come in any order; they are shown in the order of the jobs.
local function divide(foreman, divisors)
    local answers = {}
    for _, divisor in ipairs(divisors) do process.send(foreman, "job", divisor) end
    for _ = 1, #divisors do
        local answer = next_mail()
        answers[answer.divisor] = answer
    end
    for _, divisor in ipairs(divisors) do
        local answer = answers[divisor]
        io.print(string.format("   840 // %d = %s", divisor, tostring(answer.result or answer.failure)))
        expect("answer for " .. divisor, (answer.failure ~= nil) == (divisor == 0))
    end
end

local function team(foreman)
    process.send(foreman, "team")
    return next_mail()
end

-- Links of a parent that traps: the crash of a child is mail.
local function crash_of_a_worker(foreman)
    io.print("1. a worker crashes: its parent traps links, lives on and replaces it")
    local before = team(foreman)
    divide(foreman, { 2, 3, 0, 7, 8 })
    local after = team(foreman)
    local replaced = 0
    for index, pid in ipairs(after.pids) do
        if pid ~= before.pids[index] then replaced = replaced + 1 end
    end
    io.print(string.format("   the foreman saw %d EXIT and %d LINK_DOWN; %d of %d workers is new",
        after.seen.exit, after.seen.link_down, replaced, #after.pids))
    expect("one new worker", replaced == 1)
end

-- Links of children that do not trap: the crash of the parent ends them.
local function crash_of_the_parent(foreman)
    io.print("2. the parent crashes: its workers fall with it, the service starts another crew")
    local pids = team(foreman).pids
    for _, pid in ipairs(pids) do assert(process.monitor(pid)) end
    assert(process.monitor(foreman))
    process.send(foreman, "job", "lunch")
    local reasons = {}
    for _ = 1, #pids + 1 do
        local event = events:receive()
        reasons[event.from] = tostring(event.result.error)
    end
    io.print("   foreman: " .. reasons[foreman])
    for index, pid in ipairs(pids) do
        io.print(string.format("   worker %d: %s", index, reasons[pid]))
        expect("the reason", reasons[pid] == "linked process failed")
    end
    local another = find_foreman(foreman)
    divide(another, { 5 })
    return another
end

-- A service that never succeeds: the pauses double, then the supervisor gives up.
local function backoff()
    io.print("3. a service fails again and again: longer pauses, then no more")
    local statuses = assert(bus.subscribe("supervisor"))
    local channel_of_statuses = statuses:channel()
    assert(process.registry.register("tap"))
    local runs, failed_at, pause = 1, nil, 0
    repeat
        local event = channel_of_statuses:receive()
        local mine = event.path == "app:pump_service"
        if mine and event.kind == "service.failed" then
            failed_at = time.now()
            io.print(string.format("   run %d: %s", runs, event.data.error))
        elseif mine and event.kind == "service.starting" then
            local waited = time.now():sub(failed_at):milliseconds()
            pause = 100 * 2 ^ (runs - 1)
            io.print(string.format("   pause of %.0f ms (measured: %d ms)", pause, waited))
            expect("the pause", waited > pause * 0.8)
            runs = runs + 1
        end
    until mine and event.kind == "service.failed" and runs == 4
    statuses:close()
    return runs
end

local function summary(foreman, runs)
    local state = system.supervisor.state("app:pump_service")
    local crew = system.supervisor.state("app:crew_service")
    io.print("")
    io.print("service            status   failures")
    io.print(string.format("%-18s %-8s %8d", crew.id, crew.status, crew.retry_count))
    io.print(string.format("%-18s %-8s %8d", state.id, state.status, state.retry_count))
    expect("status of the services", crew.status == "running" and state.status == "failed")
    expect("four runs", runs == 4)
    expect("a whole crew", #team(foreman).pids == 3)
end

local function main()
    inbox, events = process.inbox(), process.events()
    local foreman = find_foreman()
    crash_of_a_worker(foreman)
    local another = crash_of_the_parent(foreman)
    local runs = backoff()
    summary(another, runs)
    return surprises == 0
end

return { main = main }
