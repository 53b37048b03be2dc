-- A room, reachable under the name room:TOPIC. Knows who is there because it monitors them: a member
-- that crashes has left, without having said so. Takes messages
--   join NICK   becomes a member
--   say TEXT    goes to every member as `heard` {from, text}
--   leave       is no member any more
-- and tells the event bus, system "chat": joined, left, said; path is the room.
local bus = require("events")

local members = {} -- pid -> nick
local topic

local function tell(kind, data)
    data.room, data.members = topic, 0
    for _ in pairs(members) do data.members = data.members + 1 end
    bus.send("chat", kind, "room:" .. topic, data)
end

local function join(pid, nick)
    if not members[pid] and process.monitor(pid) then -- else it has gone already
        members[pid] = nick
        tell("joined", { nick = nick })
    end
end

local function say(from, text)
    if not members[from] then return end
    for pid in pairs(members) do
        if pid ~= from then process.send(pid, "heard", { from = members[from], text = text }) end
    end
    tell("said", { nick = members[from], text = text })
end

-- Of its own will (no failure), or because it ended.
local function gone(pid, failure)
    local nick = members[pid]
    if not nick then return end
    members[pid] = nil
    process.unmonitor(pid)
    tell("left", { nick = nick, failure = failure })
end

local function main(name)
    topic = name
    assert(process.registry.register("room:" .. name))
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == inbox then
            local what, from = got.value:topic(), got.value:from()
            local payload = got.value:payload()
            local data = payload and payload:data()
            if what == "join" then
                join(from, data)
            elseif what == "say" then
                say(from, data)
            elseif what == "leave" then
                gone(from)
            end
        elseif got.value.kind == process.event.EXIT then
            gone(got.value.from, tostring(got.value.result.error or "hung up"))
        else
            return -- CANCEL: the service stops
        end
    end
end

return { main = main }
