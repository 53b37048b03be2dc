-- The second body: says what is left, or does what it is told.
local ctx = require("ctx")
local security = require("security")

local act = {}
function act.report(...)
    local actor = security.actor()
    return { pid = process.pid(), id = process.id(), args = { ... }, count = select("#", ...), context = ctx.all(),
             actor = actor and actor:id(), options = process.get_options(), global = left_behind }
end
function act.collect(count) -- topics of the inbox, in order
    local inbox, got = process.inbox(), {}
    for i = 1, count do got[i] = inbox:receive():topic() end
    return got
end
function act.collect_ready(ready, count)
    process.send(ready, "ready", process.pid())
    return act.collect(count)
end
function act.listen(topic, count)
    local ch, got = process.listen(topic), {}
    for i = 1, count do got[i] = ch:receive() end
    return got
end
function act.events(ready)
    process.set_options({ trap_links = true })
    local events = process.events()
    process.send(ready, "ready", process.pid())
    local event = events:receive()
    return { kind = event.kind, from = event.from }
end
function act.no_trap(ready)
    local inbox = process.inbox()
    process.send(ready, "ready", process.pid())
    inbox:receive()
    return "still there"
end
function act.fail(text) error(text) end
function act.again(n) -- a counter that upgrades itself
    if n == 0 then return "done" end
    process.upgrade(nil, "again", n - 1)
end

return { main = function(action, ...)
    if not act[action] then return { "no action", action } end
    return act[action](...)
end }
