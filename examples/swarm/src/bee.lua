-- Tells its parent at every tick that it lives, until it is asked to end.
local time = require("time")

local function main(parent, every)
    local ticks = time.ticker(every):channel()
    coroutine.spawn(function()
        while true do
            ticks:receive()
            process.send(parent, "tick")
        end
    end)
    process.events():receive() -- CANCEL; when main returns the coroutine ends too
end

return { main = main }
