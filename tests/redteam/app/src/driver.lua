-- Lets one program after the other loose on the host of a neighbour and asks the neighbour all the
-- time. The only failure is a neighbour that is silent for too long, or an attacker that does not end.
--
--   drive HOW MS SILENCE [NAME...]
--       HOW       "stop" = terminate what still runs; "leave" = let it run; "crowd" = let it run, and
--                 judge how soon the host ends enough of it
--       MS        how long to watch each
--       SILENCE   how long an answer may take, as a duration
--       NAME      attacks; none = all of them
local io, time, system = require("io"), require("time"), require("system")

local silence, quiet_ns, attack_ns

-- What has to become of an attacker: "runs", or a pattern of its error; absent = either.
local fates = require("fates")
local names, entries = fates.names, fates.entries

local inbox, events, neighbour
local ended = {}

local function note(event)
    if event.kind == process.event.EXIT then
        ended[event.from] = event.result
    end
end

local function now() return time.now():unix_nano() end

-- One ping; nil when there was no answer in time.
local serial = 0
local function ping()
    serial = serial + 1
    local begin = now()
    local late = time.after(silence)
    local sent, err = process.send(neighbour, "ping", serial)
    if not sent then return nil, tostring(err) end
    while true do
        local got = channel.select{ inbox:case_receive(), events:case_receive(), late:case_receive() }
        if got.channel == late then return nil, "silent" end
        if got.channel == events then
            note(got.value)
            if got.value.from == neighbour then return nil, "the neighbour ended" end
        elseif got.value:payload():data() == serial then
            return now() - begin
        end
    end
end

local function measure(length_ns, stop)
    local all, begin = {}, now()
    repeat
        local took, why = ping()
        if not took then return nil, why end
        all[#all + 1] = took
    until now() - begin > length_ns or (stop and stop() and #all >= 20)
    table.sort(all)
    return { p50 = all[(#all + 1) // 2], p99 = all[math.max(1, #all * 99 // 100)], max = all[#all], count = #all }
end

local function us(ns) return ("%8.0f"):format(ns / 1000) end

local function describe(result)
    if not result then return "runs" end
    if result.error then return "error: " .. (tostring(result.error):sub(1, 60):gsub("[%c\x80-\xff]", "?")) end
    return "ends"
end

-- A ping every few milliseconds, late or not: each time is that since it was due, so that one long wait
-- counts as often as others would have met it.
local every_ns = 5000000
local function measure_due(length_ns)
    local all, begin, due = {}, now(), now()
    repeat
        local took, why = ping()
        if not took then return nil, why end
        all[#all + 1] = now() - due
        due = due + every_ns
        if due > now() then time.sleep(due - now()) end
    until now() - begin > length_ns
    table.sort(all)
    return { p50 = all[(#all + 1) // 2], p99 = all[math.max(1, #all * 99 // 100)], max = all[#all], count = #all }
end

local failed = 0
local function fail(name, text)
    failed = failed + 1
    io.print("FAIL " .. name .. ": " .. text)
end

local function start(name)
    local id = entries[name] or "red:attacker"
    return process.spawn_monitored(id, "red:field", name, neighbour)
end

local function attack(name, how)
    local quiet, why = measure(quiet_ns)
    if not quiet then return fail(name, "before it: " .. why) end
    -- The spawn answers when the chunk was loaded; one that never is must not keep the driver.
    local child, refused
    coroutine.spawn(function() child, refused = start(name) end)
    local function over() return refused or (child and ended[child]) end
    local during
    during, why = measure(attack_ns, over)
    if not during then return fail(name, "during it: " .. why) end
    local fate = refused and "refused: " .. tostring(refused):sub(1, 60) or child and describe(ended[child]) or "loads"
    io.print(("%-26s p50/p99/max us quiet %s %s %s  attack %s %s %s  %s"):format(name, us(quiet.p50), us(quiet.p99),
        us(quiet.max), us(during.p50), us(during.p99), us(during.max), fate))
    local expected = fates.expected[name]
    local busy = fate == "runs" or fate == "loads" -- the time was short
    if expected and not fate:find(expected) and (expected == "runs" or not busy) then fail(name, "expected " .. expected .. ", got " .. fate) end
    if how == "leave" or over() then return end
    if child then process.terminate(child) end
    local after
    after, why = measure(time.parse_duration(silence):nanoseconds(), over)
    if not after then return fail(name, "at its end: " .. why) end
    if child and not ended[child] then fail(name, "was terminated and did not end within " .. silence) end
end

-- How many processes the watchdog has ended on the host.
local function ended_by_watchdog()
    for _, host in ipairs(system.hosts.list()) do
        if host.id == "red:field" then return host.stuck_ended end
    end
end

-- Once the first of the crowd was ended, 99 of 100 answers take no longer than stuck_ms of the runtime, or
-- than twice what they took before. A busy machine stretches everything: there the yardstick is twice the
-- time until the first was ended, which is stuck_ms by the clock of the watchdog.
local stuck_ns = 500000000
local function crowd(name)
    local quiet, why = measure_due(quiet_ns)
    if not quiet then return fail(name, "before it: " .. why) end
    local before, begin, worst = ended_by_watchdog(), now(), 0
    process.spawn("red:attacker", "red:field", name, neighbour)
    repeat
        local took
        took, why = ping()
        if not took then return fail(name, "while nobody was ended: " .. why) end
        worst = math.max(worst, took)
    until ended_by_watchdog() > before or now() - begin > 10000000000
    if ended_by_watchdog() == before then return fail(name, "nobody was ended") end
    local detected, after = now() - begin, nil
    after, why = measure_due(attack_ns)
    if not after then return fail(name, "after the first was ended: " .. why) end
    io.print(("%-26s p50/p99/max us quiet %s %s %s  attack %s %s %s  first ended after %.0f ms, %d in all, worst before %.0f ms"):format(
        name, us(quiet.p50), us(quiet.p99), us(quiet.max), us(after.p50), us(after.p99), us(after.max),
        detected / 1000000, ended_by_watchdog() - before, worst / 1000000))
    if after.p99 > math.max(2 * quiet.p99, stuck_ns, 2 * detected) then fail(name, "p99 is " .. us(after.p99) .. " us") end
end

local function main(how, ms, patience, ...)
    silence = patience
    attack_ns = math.tointeger(tonumber(ms)) * 1000000
    quiet_ns = attack_ns // 3
    inbox, events = process.inbox(), process.events()
    neighbour = assert(process.spawn_monitored("red:neighbour", "red:field"))
    local chosen = { ... }
    for _, name in ipairs(#chosen > 0 and chosen or names) do
        if how == "crowd" then crowd(name) else attack(name, how) end
        -- A neighbour that fell is a failure once, not for the rest of the run.
        if ended[neighbour] then
            fail(name, "the neighbour ended: " .. describe(ended[neighbour]))
            neighbour = assert(process.spawn_monitored("red:neighbour", "red:field"))
        end
    end
    io.print(("driver: %d failed"):format(failed))
    return failed == 0 and 7 or 1
end
return { main = main }
