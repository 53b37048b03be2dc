-- One process entry for all that cases need around them: the first argument names what to do.
local time = require("time")
local funcs = require("funcs")
local ctx = require("ctx")
local security = require("security")
local events = require("events")

local act = {}

-- ---- ends ----

function act.value(...) return ... end
function act.raise(text) error(text) end
function act.raise_table() error({ code = 7 }) end
function act.raise_error(kind, text)
    error(errors.new{ message = text, kind = kind, retryable = true, details = { a = 1 } })
end
function act.return_error(kind, text)
    return "dropped", errors.new{ message = text, kind = kind, retryable = true, details = { a = { 1 } } }
end
function act.raise_in_coroutine(text)
    local events = process.events()
    coroutine.spawn(function() error(text) end)
    events:receive()
end
function act.tell_and_fail(to) process.send(to, "ready", true) error("told") end
function act.deadlock()
    local never = channel.new()
    coroutine.spawn(function() never:receive() end)
    never:receive()
end
function act.leave_others_waiting()
    coroutine.spawn(function() time.sleep("1h") end)
    coroutine.spawn(function() channel.new():receive() end)
    return "left"
end

-- ---- waits ----

function act.wait()
    local event = process.events():receive()
    return event.kind
end
function act.sleep(duration) time.sleep(duration) return "slept" end
function act.spin()
    while true do end
end
function act.stop_slowly(ready, duration)
    local events = process.events()
    process.send(ready, "ready", process.pid())
    events:receive()
    time.sleep(duration)
end
function act.deaf() -- has a subscription, reads no events
    process.inbox():receive()
    return "mail"
end
function act.echo() -- answers each message with its topic and data, until canceled
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select{ events:case_receive(), inbox:case_receive() }
        if got.channel == events then return got.value.kind end
        local payload = got.value:payload()
        process.send(got.value:from(), got.value:topic(), payload and payload:data())
    end
end
function act.named(name, ready)
    assert(process.registry.register(name))
    process.send(ready, "ready", process.pid())
    return process.events():receive().kind
end
function act.start_named(name, ready)
    assert(process.spawn("app:actor", "app:processes", "named", name, ready))
end
function act.cancel_event(ready)
    local events = process.events()
    process.send(ready, "ready", true)
    local event = events:receive()
    return { kind = event.kind, from = event.from, reason = event.reason, at = event.at }
end
function act.spin_then_die(ready, text)
    process.send(ready, "ready", process.pid())
    process.inbox():receive()
    error(text)
end

function act.eat() -- more and more memory
    local all = {}
    for i = 1, 1e9 do all[i] = ("x"):rep(1000) .. i end
end
function act.eat_in_pcall()
    pcall(act.eat)
    while true do pcall(act.eat) end
end
function act.hold() -- as many bytes as the latest message says
    local inbox, held = process.inbox()
    while true do
        held = nil
        local bytes = inbox:receive():payload():data()
        if bytes > 0 then held = ("x"):rep(bytes) end
    end
end
function act.never_stops(how) -- whatever a script may do against being ended
    if how == "pcall" then while true do pcall(act.spin) end end
    if how == "handler" then xpcall(error, function() act.spin() end) end
    if how == "generator" then coroutine.wrap(act.spin)() end
    if how == "close" then
        local guard <close> = setmetatable({}, { __close = act.spin })
        act.spin()
    end
    if how == "sort" then table.sort({ 3, 2, 1 }, act.spin) end
    if how == "rep" then string.rep("", 1 << 62) act.spin() end
    if how == "goto" then ::again:: goto again end
end

-- ---- tells ----

function act.tell(to, topic, ...) process.send(to, topic, ...) end
function act.tell_many(to, topic, count)
    for i = 1, count do process.send(to, topic, i) end
end
function act.collect(to, count) -- the first messages of the inbox, whenever it is opened
    local inbox, got = process.inbox(), {}
    for i = 1, count do
        local message = inbox:receive()
        got[i] = { topic = message:topic(), data = message:payload() and message:payload():data() }
    end
    return got
end
function act.froms(count)
    local inbox, got = process.inbox(), {}
    for i = 1, count do
        local message = inbox:receive()
        got[i] = message:topic() .. "=" .. tostring(message:from() == "" and "" or "someone")
    end
    return got
end
function act.emit(system, count)
    for i = 1, count do events.send(system, "n", "p", i) end
end
function act.identity() return { id = process.id(), pid = process.pid() } end
function act.lookup(name) return process.registry.lookup(name) end
function act.options() return process.get_options() end
function act.shape(...) -- what the arguments are
    local got = { count = select("#", ...) }
    for i = 1, got.count do
        local v = select(i, ...)
        got[i] = math.type(v) or type(v)
    end
    return got
end

-- ---- links ----

function act.link_then_wait(to, trap, ready) -- answers the kind of the event that ended the waiting
    if trap then process.set_options({ trap_links = true }) end
    local events = process.events()
    assert(process.link(to))
    if ready then process.send(ready, "linked", process.pid()) end
    local event = events:receive()
    return { kind = event.kind, from = event.from, error = event.result and event.result.error }
end
function act.root_of_star(count, ready) -- children link to this one, then it fails
    local linked = process.listen("linked")
    for _ = 1, count do
        process.spawn("app:actor", "app:processes", "child_of_star", process.pid(), ready)
    end
    for _ = 1, count do linked:receive() end
    error("root failed")
end
function act.child_of_star(root, ready)
    process.set_options({ trap_links = true })
    local events = process.events()
    assert(process.link(root))
    process.send(root, "linked", process.pid())
    local event = events:receive()
    process.send(ready, "down", { kind = event.kind, root = event.from == root,
        error = tostring(event.result.error) })
end
function act.chain(depth, parent, ready, trap_at) -- each links to its parent; the last tells it is complete
    if trap_at == depth then process.set_options({ trap_links = true }) end
    local events = process.events()
    if parent then assert(process.link(parent)) end
    if depth > 0 then
        local pid = process.spawn("app:actor", "app:processes", "chain", depth - 1, process.pid(), ready, trap_at)
        process.send(ready, "member", { depth = depth - 1, pid = pid })
    else
        process.send(ready, "complete", true)
    end
    if not parent then
        process.inbox():receive()
        error("first of the chain failed")
    end
    return events:receive().kind
end

function act.link_deaf()
    local inbox = process.inbox()
    assert(process.spawn_linked("app:actor", "app:processes", "raise", "child"))
    inbox:receive()
end
function act.link_then_die(to)
    assert(process.link(to))
    process.send(to, "linked", true)
    error("after linking")
end
function act.watch(target, ready) -- what a watcher sees, and whether more comes
    local events = process.events()
    assert(process.monitor(target))
    process.send(ready, "watching", true)
    local event = events:receive()
    local limit = time.after("100ms")
    local got = channel.select{ events:case_receive(), limit:case_receive() }
    return { from = event.from, value = event.result.value, more = got.channel == events }
end
function act.late_events(ready) -- opens its events only when told
    local go = process.listen("go")
    process.send(ready, "ready", true)
    go:receive()
    return process.events():receive().kind
end
function act.request_service() -- a watched worker for each request; its result goes to who asked
    local inbox, events, asked = process.inbox(), process.events(), {}
    while true do
        local got = channel.select{ events:case_receive(), inbox:case_receive() }
        if got.channel == inbox then
            local request = got.value:payload():data()
            local pid = process.spawn_monitored("app:actor", "app:processes", "value", request.n * 2)
            asked[pid] = got.value:from()
        else
            process.send(asked[got.value.from], "answer", got.value.result.value)
        end
    end
end

-- ---- context ----

function act.context() return ctx.all() end
function act.who()
    local actor, scope = security.actor(), security.scope()
    return { actor = actor and actor:id(), scope = scope and #scope:policies() }
end
function act.spawn_who(ready) -- one level further down
    local events = process.events()
    local pid = assert(process.spawn_monitored("app:actor", "app:processes", "who"))
    return events:receive().result.value, pid and ready
end
function act.spawn_context()
    local events = process.events()
    assert(process.spawn_monitored("app:actor", "app:processes", "context"))
    return events:receive().result.value
end
function act.call(target, ...) return funcs.call(target, ...) end
function act.sleep_in_parallel(target, count)
    local futures = {}
    for i = 1, count do futures[i] = assert(funcs.async(target, i)) end
    local sum, pending = 0, count
    while pending > 0 do
        local cases, of = {}, {}
        for _, future in pairs(futures) do
            cases[#cases + 1] = future:channel():case_receive()
            of[future:channel()] = future
        end
        local got = channel.select(cases)
        for i, future in pairs(futures) do
            if future == of[got.channel] then futures[i] = nil end
        end
        sum, pending = sum + got.value:data(), pending - 1
    end
    return sum
end

return { main = function(action, ...) return act[action](...) end }
