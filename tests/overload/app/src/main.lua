-- Storms from Lua: more than the limits of a host allow. What is refused is refused with a kind and
-- counted here; what was taken is there; news arrives although mailboxes are full.
local io, time, system = require("io"), require("time"), require("system")

local entry, host = "storm:worker", "storm:small"
local passed, failed = 0, 0
local events

local function spawn(...) return process.spawn_monitored(entry, host, ...) end

-- The next EXIT, or nil after 20 s.
local function exit()
    local late = time.after("20s")
    while true do
        local got = channel.select{ events:case_receive(), late:case_receive() }
        if got.channel == late then return nil end
        if got.value.kind == process.event.EXIT then return got.value end
    end
end

local function expect(what, actual, wanted)
    if actual ~= wanted then error(("%s is %s, expected %s"):format(what, tostring(actual), tostring(wanted)), 2) end
end

local function processes()
    for _, one in ipairs(system.hosts.list()) do
        if one.id == host then return one.processes end
    end
end

local cases = {}

function cases.full_mailboxes_refuse_and_hear_cancel()
    local pid = assert(spawn("deaf"))
    local sent, refused = 0, 0
    for i = 1, 20000 do
        local ok, err = process.send(pid, "heap", i)
        if ok then
            sent = sent + 1
        else
            refused = refused + 1
            expect("the kind", err:kind(), "RateLimited")
        end
    end
    expect("sent", sent, 500)
    expect("refused", refused, 19500)
    assert(process.cancel(pid, "20s"))
    local event = exit()
    expect("who ends", event.from, pid)
    expect("what it heard", event.result.value, process.event.CANCEL)
end

function cases.spawn_storms_stop_at_the_limit()
    local all, refused = {}, 0
    for _ = 1, 1000 do
        local pid, err = spawn("idle")
        if pid then
            all[#all + 1] = pid
        else
            refused = refused + 1
            expect("the kind", err:kind(), "RateLimited")
        end
    end
    expect("spawned", #all, 100)
    expect("refused", refused, 900)
    for _, pid in ipairs(all) do process.terminate(pid) end
    for _ = 1, #all do if not exit() then error("an EXIT is missing") end end
    expect("left", processes(), 0)
end

function cases.a_star_of_links_falls()
    local middle = assert(spawn("star", 90))
    while processes() < 91 do time.sleep("1ms") end
    process.send(middle, "inbox", "fall")
    local event = exit()
    expect("who ends", event.from, middle)
    local tries = 0
    while processes() > 0 and tries < 10000 do
        time.sleep("1ms")
        tries = tries + 1
    end
    expect("left", processes(), 0)
end

function cases.hoarders_end_alone()
    local witness = assert(spawn("deaf"))
    for _ = 1, 60 do assert(spawn("hoard")) end
    for _ = 1, 60 do
        local event = exit()
        if not event then error("an EXIT is missing") end
        if not tostring(event.result.error):find("memory") then error("ended with " .. tostring(event.result.error)) end
    end
    assert(process.send(witness, "heap", 1))
    process.terminate(witness)
    expect("who ends", exit().from, witness)
end

function cases.timers_are_refused_or_fire()
    for _, count in ipairs{ 1000, 200000 } do
        local pid = assert(spawn("timers", count))
        local event = exit()
        expect("who ends", event.from, pid)
        local value = event.result.value
        if value then
            expect("fired", value.fired, value.got)
            if count == 1000 then expect("timers", value.got, 1000) end
        elseif count == 1000 or not tostring(event.result.error):find("memory") then
            error("ended with " .. tostring(event.result.error))
        end
    end
end

function cases.one_process_hears_of_all_ends()
    local count = 0
    for _ = 1, 20 do
        local all = {}
        for i = 1, 100 do all[i] = assert(spawn("idle")) end
        for _, pid in ipairs(all) do process.cancel(pid, "1s") end
        for _ = 1, 100 do if exit() then count = count + 1 end end
    end
    expect("EXITs", count, 2000)
end

local function main()
    events = process.events()
    local names = {}
    for name in pairs(cases) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        local begin = time.now()
        local ok, err = pcall(cases[name])
        if ok then
            passed = passed + 1
            io.print(("     %s: %.0f ms"):format(name, time.now():sub(begin):seconds() * 1000))
        else
            failed = failed + 1
            io.print("FAIL overload_lua_" .. name .. ": " .. tostring(err))
        end
    end
    io.print(("storm: %d passed, %d failed"):format(passed, failed))
    return failed == 0 and 7 or 1
end
return { main = main }
