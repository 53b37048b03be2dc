-- Lets people act one after the other, and prints what the event bus tells about the room.
local io = require("io")
local bus = require("events")
local time = require("time")

local ROOM = "room:lounge"

local events, told
local nicks = {} -- pid -> nick

local LINES = {
    joined = function(d) return string.format("* %s joined, %d here", d.nick, d.members) end,
    left = function(d)
        return string.format("* %s left%s, %d here", d.nick,
            d.failure and " (" .. d.failure .. ")" or "", d.members)
    end,
    said = function(d) return string.format("<%s> %s", d.nick, d.text) end,
}

-- Everything anybody does here makes one event.
local function show_next()
    local event = told:receive()
    io.print(LINES[event.kind](event.data))
end

local function enter(nick)
    local pid = assert(process.spawn_monitored("app:member", "app:people", nick, ROOM))
    nicks[pid] = nick
    show_next()
end

local function type_in(nick, text)
    assert(process.send("member:" .. nick, "type", text))
    show_next()
end

-- How each one ended, in alphabetical order.
local function goodbye(count)
    local lines = {}
    for _ = 1, count do
        local event = events:receive()
        local result = event.result
        lines[#lines + 1] = string.format("  %-5s %s", nicks[event.from],
            result.error and "crashed: " .. tostring(result.error)
                or string.format("heard %d lines", result.value))
    end
    table.sort(lines)
    for _, line in ipairs(lines) do io.print(line) end
end

local function main()
    events = process.events()
    told = assert(bus.subscribe("chat")):channel()
    while not process.registry.lookup(ROOM) do time.sleep("5ms") end

    enter("ann")
    enter("bob")
    type_in("ann", "hello, bob")
    enter("cleo")
    type_in("bob", "  hello, you two")
    type_in("cleo", "did somebody feed the cat?")
    type_in("bob", { emoji = "cat" }) -- his program cannot take that
    type_in("ann", "where is he?")
    enter("bob")                      -- the name is free again
    type_in("bob", "sorry, that was my keyboard")
    type_in("cleo", "/leave")
    process.cancel("member:ann")
    show_next()
    type_in("bob", "anybody?")
    process.terminate("member:bob")
    show_next()

    io.print("")
    goodbye(4)
    return process.registry.lookup("member:bob") == nil
end

return { main = main }
