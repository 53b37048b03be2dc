-- The first body of the upgrade cases: does what it is told, then becomes another.
local time = require("time")
local ctx = require("ctx")

local steps = {}
function steps.to(id, ...) process.upgrade(id, ...) end
function steps.trap() process.set_options({ trap_links = true, upgradable = true }) end
function steps.name(name) assert(process.registry.register(name)) end
function steps.spawn_linked(...) process.spawn_linked("app:actor", "app:processes", ...) end
function steps.monitor(pid) assert(process.monitor(pid)) end
function steps.link(pid) assert(process.link(pid)) end
function steps.listen(topic) process.listen(topic) end
function steps.take_one() process.inbox():receive() end
function steps.wait_for(topic) process.listen(topic):receive() end
function steps.subscribe() -- a coroutine that would answer, were it to live
    local inbox = process.inbox()
    coroutine.spawn(function()
        while true do
            local message = inbox:receive()
            process.send(message:from(), "from before", message:topic())
        end
    end)
end
function steps.timer(to)
    coroutine.spawn(function() time.sleep("30ms") process.send(to, "late", 1) end)
end
function steps.tell(to, topic) process.send(to, topic, ctx.all()) end
function steps.global() left_behind = "global" end
function steps.bad_argument(id) -- an argument that cannot be copied raises here, and this body lives on
    local deep = {}
    for _ = 1, 1000 do deep = { deep } end
    local fine, err = pcall(process.upgrade, id, deep)
    return fine == false and tostring(err)
end

return { main = function(plan)
    for _, step in ipairs(plan) do
        local result = steps[step[1]](table.unpack(step, 2))
        if result then return result end
    end
    return "not upgraded"
end }
