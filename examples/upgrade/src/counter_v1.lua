-- Version 1: answers each `add` with a running number. Everything it knows is in `state`, because that
-- is all that goes into the next version.
local VERSION = 1

local function main(state)
    process.set_options({ upgradable = true }) -- ask for OUTDATED; every version has to
    state = state or { count = 0, upgrades = 0 }
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then
            if got.value.kind == process.event.OUTDATED then
                process.upgrade(nil, state) -- does not return; mail that waits stays
            end
            return
        end
        state.count = state.count + 1
        local answer = { number = got.value:payload():data(), count = state.count, version = VERSION }
        process.send(got.value:from(), "added", answer)
    end
end

return { main = main }
