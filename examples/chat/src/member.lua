-- Somebody with a keyboard, under the name member:NICK, so that nobody is there twice. What is typed
-- comes as message `type`; /leave is a command. Returns how much was heard.
local function main(nick, room)
    local heard = 0
    local inbox, events = process.inbox(), process.events()
    assert(process.registry.register("member:" .. nick))
    assert(process.send(room, "join", nick))
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then break end
        local topic, data = got.value:topic(), got.value:payload():data()
        if topic == "heard" then
            heard = heard + 1
        elseif topic == "type" and data == "/leave" then
            process.send(room, "leave")
            break
        elseif topic == "type" then
            -- A mistake: emoji come as tables, and have no :gsub.
            process.send(room, "say", (data:gsub("^%s+", "")))
        end
    end
    return heard
end

return { main = main }
