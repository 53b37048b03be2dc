-- Puts the counter under load, replaces its code half way, and adds up what the senders got back.
local io = require("io")
local registry = require("registry")

local SENDERS = 4

local inbox, events

-- What the entry of the counter says now.
local function show_version(when)
    local entry = registry.get("app:counter")
    io.print(string.format("%-8s registry %s, app:counter is version %d", when,
        registry.current_version():string(), entry.meta.version))
end

-- The whole upgrade: one change of the registry. Who runs the old code is told.
local function replace_code()
    local entry, new = registry.get("app:counter"), registry.get("app:counter_next")
    entry.meta.version = new.meta.version
    entry.data.source = new.data.source
    local changes = registry.snapshot():changes()
    changes:update(entry)
    assert(changes:apply())
end

local function start_senders(total)
    local senders = {}
    for index = 1, SENDERS do
        local pid = assert(process.spawn_monitored("app:sender", "app:workers", process.pid(), total))
        senders[pid] = index
    end
    return senders
end

-- Until every sender has ended. The code is replaced when the first one is half way.
local function watch(senders)
    local results, ended, replaced = {}, 0, false
    while ended < SENDERS do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == inbox then
            if not replaced then
                replace_code()
                replaced = true
                for pid in pairs(senders) do process.send(pid, "replaced") end
                show_version("after:")
            end
        elseif got.value.kind == process.event.EXIT then
            if not senders[got.value.from] then return nil, tostring(got.value.result.error) end
            ended = ended + 1
            results[senders[got.value.from]] = got.value.result.value
        end
    end
    return results
end

local function show(results, total)
    local sums = { answered = 0, wrong = 0, old = 0, new = 0 }
    io.print("")
    io.print("sender      sent  answered   by v1    by v2  lost or twice")
    for index = 1, SENDERS do
        local r = results[index]
        io.print(string.format("%6d  %8d  %8d  %6d  %7d  %13d", index, r.sent, r.answered,
            r.versions[1], r.versions[2], r.wrong))
        sums.answered, sums.wrong = sums.answered + r.answered, sums.wrong + r.wrong
        sums.old, sums.new = sums.old + r.versions[1], sums.new + r.versions[2]
    end
    return sums.wrong == 0 and sums.answered == total * SENDERS and sums.old > 0 and sums.new > 0
end

local function main(argument)
    local total = math.max(500, tonumber(argument or 5000))
    inbox, events = process.inbox(), process.events()
    local counter = assert(process.spawn_monitored("app:counter", "app:workers"))
    assert(process.registry.register("counter", counter))
    show_version("before:")
    local results, failure = watch(start_senders(total))
    if not results then return nil, failure end
    local good = show(results, total)

    process.send(counter, "report")
    local report = inbox:receive()
    while report:topic() ~= "report" do report = inbox:receive() end
    local state = report:payload():data()
    io.print("")
    io.print(string.format("the counter counted %d messages; %d upgrade, same pid: %s", state.count,
        state.upgrades, tostring(process.registry.lookup("counter") == counter)))
    good = good and state.count == total * SENDERS and state.upgrades == 1
    io.print(good and "every message was handled exactly once" or "messages were lost")
    process.cancel(counter)
    return good
end

return { main = main }
