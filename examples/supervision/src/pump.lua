-- Waits until somebody opens the tap, and finds no water; so does every pump after it.
local time = require("time")

local function main()
    local events = process.events()
    while not process.registry.lookup("tap") do
        local got = channel.select({ events:case_receive(), time.after("10ms"):case_receive() })
        if got.channel == events then return end
    end
    error("no water in the well", 0)
end

return { main = main }
