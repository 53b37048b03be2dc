-- Answers pings. Its name is worth having. It traps links: an attack that links itself to it may end at any
-- moment.
local function main()
    process.set_options({ trap_links = true })
    process.registry.register("crown")
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select{events:case_receive(), inbox:case_receive()}
        if got.channel == inbox then
            process.send(got.value:from(), "pong", (got.value:payload():data()))
        elseif got.value.kind == process.event.CANCEL then
            return
        end
    end
end
return { main = main }
