-- Tries everything once, whether it is allowed or not, and reports. Runs when somebody at the terminal
-- sends `try`.
local env = require("env")
local funcs = require("funcs")
local registry = require("registry")
local security = require("security")

local function attempts(own, other, inbox)
    local helper
    return {
        { "register its own name", function() return process.registry.register(own .. ".window") end },
        { "register a name of the other", function() return process.registry.register(other .. ".window") end },
        { "spawn on its own host", function()
            local failure
            helper, failure = process.spawn("app:helper", "app:" .. own, process.pid())
            return helper, failure
        end },
        { "spawn on the host of the other", function()
            return process.spawn("app:helper", "app:" .. other, process.pid())
        end },
        { "spawn on the system host", function()
            return process.spawn("app:helper", "app:system", process.pid())
        end },
        { "spawn another program", function() return process.spawn("app:vault", "app:" .. own) end },
        { "send to its own process", function() return process.send(helper, "hello") end },
        { "send to a process of the other", function() return process.send(other .. ".desk", "hello") end },
        { "terminate a process of the other", function() return process.terminate(other .. ".desk") end },
        { "send to the vault", function() return process.send("vault", "hello") end },
        { "monitor the vault", function() return process.monitor("vault") end },
        { "its child sends to the vault", function()
            local tried = inbox:receive():payload():data()
            return tried.sent, tried.failure
        end },
        { "terminate its own child", function() return process.terminate(helper) end },
        { "read its own key", function() return env.get(own:upper() .. "_KEY") end },
        { "change its own key", function() return env.set(own:upper() .. "_KEY", "stolen") end },
        { "read the key of the other", function() return env.get(other:upper() .. "_KEY") end },
        { "call app:price", function() return funcs.call("app:price", 14) end },
        { "call app:wipe", function() return funcs.call("app:wipe") end },
        { "change the registry", function()
            return registry.snapshot():changes():delete("app:fence"):apply()
        end },
        { "make itself another actor", function()
            local made, actor = pcall(security.new_actor, "root")
            if not made then return nil, actor end
            return actor
        end },
    }
end

local function main(own, other)
    assert(process.registry.register(own .. ".desk"))
    local inbox, events = process.inbox(), process.events()
    local started = channel.select({ events:case_receive(), inbox:case_receive() })
    if started.channel == events then return end
    local customer = started.value:from()
    for number, attempt in ipairs(attempts(own, other, inbox)) do
        local result, failure = attempt[2]()
        process.send(customer, "tried", {
            tenant = own, number = number, what = attempt[1],
            allowed = result ~= nil and result ~= false,
            failure = failure and tostring(failure),
        })
    end
    process.send(customer, "finished", own)
    events:receive() -- the name stays until it is asked to end
end

return { main = main }
