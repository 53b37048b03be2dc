-- process.upgrade: what stays, what goes, how it fails; OUTDATED.
local time = require("time")
local security = require("security")
local registry = require("registry")
local expect = require("expect")
local case, main = expect.cases()
local HOST = expect.HOST
local AFTER = "app.process:after"

local function start(...)
    local pid, err = process.spawn_monitored("app.process:before", HOST, { ... })
    expect.truthy(pid, tostring(err))
    return pid
end

local function outcome(...)
    local events = process.events()
    return expect.exit(events, start(...))
end

local function report(...)
    local result = outcome(...)
    expect.truthy(result.value, tostring(result.error))
    return result.value
end

-- ---- stays ----

case("the pid stays, the id is the new one", function()
    local events = process.events()
    local pid = start({ "to", AFTER, "report" })
    local seen = expect.exit(events, pid).value
    expect.equal(seen.pid, pid)
    expect.equal(seen.id, AFTER)
end)

case("arguments arrive like those of a spawn", function()
    local seen = report({ "to", AFTER, "report", 1, { a = { 2 } }, "x" })
    expect.same(seen.args, { 1, { a = { 2 } }, "x" })
    expect.integer(seen.count, 3)
end)

case("context and actor stay", function()
    local events = process.events()
    local pid = process.with_context({ k = "v" }):with_actor(security.new_actor("ann"))
        :spawn_monitored("app.process:before", HOST, { { "to", AFTER, "report" } })
    local seen = expect.exit(events, pid).value
    expect.same(seen.context, { k = "v" })
    expect.equal(seen.actor, "ann")
end)

case("names stay, and nobody is told of the change", function()
    local events, ready = process.events(), process.listen("ready")
    local pid = start({ "name", "before and after" }, { "to", AFTER, "events", process.pid() })
    expect.receive(ready)
    expect.equal(process.registry.lookup("before and after"), pid)
    expect.silence(events, "50ms")
    process.cancel("before and after")
    expect.equal(expect.exit(events, pid).value.kind, "pid.cancel")
end)

case("its own monitors stay", function()
    local events, ready = process.events(), process.listen("ready")
    local target = process.spawn("app:actor", HOST, "wait")
    local pid = start({ "monitor", target }, { "to", AFTER, "events", process.pid() })
    expect.receive(ready)
    process.cancel(target)
    expect.same(expect.exit(events, pid).value, { kind = "pid.exit", from = target })
end)

case("links stay", function()
    local events, ready = process.events(), process.listen("ready")
    local target = process.spawn("app:actor", HOST, "wait")
    local pid = start({ "link", target }, { "to", AFTER, "events", process.pid() })
    expect.receive(ready)
    process.terminate(target)
    expect.same(expect.exit(events, pid).value, { kind = "pid.link.down", from = target })
end)

case("undelivered mail stays, in order", function()
    local events = process.events()
    local pid = start({ "wait_for", "go" }, { "to", AFTER, "collect", 4 })
    process.send(pid, "a", 1)
    process.send(pid, "b", 2)
    process.send(pid, "c", 3)
    process.send(pid, "go")
    process.send(pid, "d", 4)
    expect.same(expect.exit(events, pid).value, { "a", "b", "c", "d" })
end)

case("mail a channel held back stays", function()
    local events = process.events()
    local pid = start({ "listen", "held" }, { "wait_for", "go" }, { "to", AFTER, "listen", "held", 3 })
    for i = 1, 4 do process.send(pid, "held", i) end
    process.send(pid, "go")
    local got = expect.exit(events, pid).value
    expect.equal(#got, 3)
    -- what was in the old channel's buffer of one may be gone with it, the rest is in order
    for i = 2, 3 do expect.integer(got[i], got[i - 1] + 1) end
end)

case("nil upgrades to the same entry", function()
    local seen = report({ "to", AFTER, "again", 3 })
    expect.equal(seen, "done")
end)

case("many times over", function()
    expect.equal(report({ "to", AFTER, "again", 50 }), "done")
end)

case("the method of the new entry", function()
    expect.equal(report({ "to", "app.process:after_other_method", 1 }), "other")
end)

-- ---- goes ----

case("globals and options go", function()
    local seen = report({ "global" }, { "trap" }, { "to", AFTER, "report" })
    expect.is_nil(seen.global)
    expect.same(seen.options, { trap_links = false, upgradable = false })
end)

case("coroutines and timers go", function()
    local events, late = process.events(), process.listen("late")
    local ready = process.listen("ready")
    local pid = start({ "timer", process.pid() }, { "to", AFTER, "events", process.pid() })
    expect.receive(ready)
    expect.silence(late, "100ms")
    process.terminate(pid)
    expect.exit(events, pid)
end)

case("subscriptions go", function()
    local events, answer, ready = process.events(), process.listen("from before"), process.listen("ready")
    local pid = start({ "subscribe" }, { "to", AFTER, "collect_ready", process.pid(), 1 })
    expect.receive(ready)
    process.send(pid, "to whom", 1)
    expect.same(expect.exit(events, pid).value, { "to whom" })
    expect.silence(answer, "20ms")
end)

case("without trapping again a failed link ends the new body", function()
    local events, ready = process.events(), process.listen("ready")
    local target = process.spawn("app:actor", HOST, "wait")
    local pid = start({ "trap" }, { "link", target }, { "to", AFTER, "no_trap", process.pid() })
    expect.receive(ready)
    process.terminate(target)
    expect.error("Internal", "linked process failed", expect.exit(events, pid).error)
end)

-- ---- failure ----

case("an unknown entry ends the process", function()
    expect.contains(outcome({ "to", "app.process:nobody" }).error, "upgrade: create failed:")
end)

case("a body that does not start ends the process", function()
    for _, name in ipairs{ "chunk_raises", "chunk_no_method" } do
        expect.contains(outcome({ "to", "app.process:" .. name }).error, "upgrade: ")
    end
    expect.contains(outcome({ "to", "app.process:chunk_raises" }).error, "upgrade: init failed:")
end)

case("a failed upgrade is an error for links", function()
    process.set_options({ trap_links = true })
    local events = process.events()
    local pid = process.spawn_linked("app.process:before", HOST, { { "to", "app.process:nobody" } })
    local event = expect.receive(events)
    expect.equal(event.kind, "pid.link.down")
    expect.equal(event.from, pid)
end)

case("arguments that cannot be copied raise, the old body lives on", function()
    expect.contains(outcome({ "bad_argument", AFTER }).value, "nesting too deep")
end)

case("a function is not upgraded", function()
    local fine, value, err = pcall(process.upgrade, AFTER, "report")
    expect.truthy(not fine or (value == nil and err), "refused")
end)

-- ---- newer code ----

local function change(action, source)
    local changes = registry.snapshot():changes()
    changes[action](changes, { id = "app.new:live", kind = "process.lua", data = { source = source } })
    expect.truthy(changes:apply())
end

local first = [[return function(ready)
    process.set_options({ upgradable = true })
    local events = process.events()
    process.send(ready, "ready", process.pid())
    local event = events:receive()
    if event.kind ~= process.event.OUTDATED then return event.kind end
    process.upgrade(nil, event.sources)
end]]

case("who asked is told of newer code, and upgrades to it", function()
    local before = registry.current_version()
    local events, ready = process.events(), process.listen("ready")
    change("create", first)
    local pid = process.spawn_monitored("app.new:live", HOST, process.pid())
    expect.receive(ready)
    change("update", "return function(sources) return { 'newer code', sources } end")
    expect.same(expect.exit(events, pid).value, { "newer code", { "app.new:live" } })
    registry.apply_version(before)
end)

case("who did not ask is not told and keeps its code, new ones have the new", function()
    local before = registry.current_version()
    local events, ready = process.events(), process.listen("ready")
    change("create", first:gsub("upgradable = true", "upgradable = false"))
    local pid = process.spawn_monitored("app.new:live", HOST, process.pid())
    expect.receive(ready)
    change("update", "return function() return 'newer' end")
    expect.equal(process.exec("app.new:live", HOST), "newer")
    expect.silence(events, "50ms")
    process.cancel(pid)
    expect.equal(expect.exit(events, pid).value, "pid.cancel")
    registry.apply_version(before)
end)

local patient = [[return function(ready)
    process.set_options({ upgradable = true })
    local events, go = process.events(), process.listen("go")
    process.send(ready, "ready", process.pid())
    go:receive()
    local event = events:receive()
    local other = channel.select{ events:case_receive(), default = true }
    return { kind = event.kind, sources = event.sources, more = not other.default }
end]]

local function library(source)
    return { id = "app.new:lib", kind = "library.lua", data = { source = source } }
end

case("what became newer meanwhile is told once, with every source", function()
    local before = registry.current_version()
    local events, ready = process.events(), process.listen("ready")
    local entry = { id = "app.new:live", kind = "process.lua",
        data = { source = patient, imports = { lib = "app.new:lib" } } }
    local made = registry.snapshot():changes()
    made:create(library("return 1"))
    made:create(entry)
    expect.truthy(made:apply())
    local pid = process.spawn_monitored("app.new:live", HOST, process.pid())
    expect.receive(ready)
    for turn = 2, 4 do
        local changes = registry.snapshot():changes()
        changes:update(library("return " .. turn))
        expect.truthy(changes:apply())
    end
    entry.data.source = patient .. " -- newer"
    local changes = registry.snapshot():changes()
    changes:update(entry)
    expect.truthy(changes:apply())
    process.send(pid, "go")
    local seen = expect.exit(events, pid).value
    table.sort(seen.sources)
    expect.same(seen, { kind = "pid.outdated", sources = { "app.new:lib", "app.new:live" }, more = false })
    registry.apply_version(before)
end)

return { main = main }
