-- One of many: what it does is told by its first argument.
local time = require("time")
local worker = {}

-- Never looks at its messages; hears CANCEL.
function worker.deaf()
    process.listen("never")
    return process.events():receive().kind
end

function worker.idle() process.events():receive() end

-- Linked to whoever spawned it, and falls with it.
function worker.falls() process.listen("never"):receive() end

function worker.star(count)
    for _ = 1, count do assert(process.spawn_linked("storm:worker", "storm:small", "falls")) end
    process.inbox():receive()
    error("the middle fails")
end

-- Fills its memory until it is ended, or, when it asks whether there is any, until it is refused.
function worker.hoard()
    local kept = {}
    while true do kept[#kept + 1] = ("x"):rep(10000) .. #kept end
end

-- As many timers as it is given; answers how many it got and how many fired.
function worker.timers(count)
    local got, fired, channels = 0, 0, {}
    for i = 1, count do
        local timer = time.after(time.parse_duration((i % 50 + 1) .. "ms"))
        if timer then
            got = got + 1
            channels[got] = timer
        end
    end
    for i = 1, got do
        channels[i]:receive()
        fired = fired + 1
    end
    return { got = got, fired = fired }
end

local function main(what, ...)
    return worker[what](...)
end
return { main = main }
