-- Answers `count` with the number of other messages it ever got.
local function main()
    assert(process.registry.register("vault"))
    local inbox, events = process.inbox(), process.events()
    local others = 0
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then return end
        if got.value:topic() == "count" then
            process.send(got.value:from(), "count", others)
        else
            others = others + 1
        end
    end
end

return { main = main }
