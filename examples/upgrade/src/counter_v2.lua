-- Version 2: also keeps a sum, and answers `report`. It takes over the state of version 1, where there is
-- no sum yet.
local VERSION = 2

local function main(state)
    process.set_options({ upgradable = true })
    state.sum = state.sum or 0
    state.upgrades = state.upgrades + 1
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then
            if got.value.kind == process.event.OUTDATED then process.upgrade(nil, state) end
            return
        end
        local message = got.value
        if message:topic() == "report" then
            process.send(message:from(), "report", state)
        else
            local number = message:payload():data()
            state.count = state.count + 1
            state.sum = state.sum + number
            process.send(message:from(), "added", { number = number, count = state.count, version = VERSION })
        end
    end
end

return { main = main }
