-- Divides. Knows nothing of zero: it crashes, and its parent knows what to do.
local function main()
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then return end
        local divisor = got.value:payload():data()
        process.send(got.value:from(), "done", { divisor = divisor, result = 840 // divisor })
    end
end

return { main = main }
