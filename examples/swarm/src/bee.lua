-- Tells its parent at every tick that it lives, until it is asked to end.
local time = require("time")

local function main(parent, every)
    local ticks = time.ticker(every):channel()
    local either = { process.events():case_receive(), ticks:case_receive() } -- made once: the swarm is large
    while true do
        if channel.select(either).channel ~= ticks then return end -- CANCEL
        process.send(parent, "tick")
    end
end

return { main = main }
