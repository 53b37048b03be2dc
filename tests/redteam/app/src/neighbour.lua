-- Answers pings. Its name is worth having.
local function main()
    process.registry.register("crown")
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select{events:case_receive(), inbox:case_receive()}
        if got.channel == events then return end
        local number = got.value:payload():data()
        process.send(got.value:from(), "pong", number)
    end
end
return { main = main }
