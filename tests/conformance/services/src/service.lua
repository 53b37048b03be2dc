-- One process for all services: the first input says what it does.
local logger = require("logger")
local time = require("time")
local security = require("security")

local act = {}
function act.wait(name)
    local events = process.events()
    logger:info("up " .. name)
    local event = events:receive()
    logger:info("down " .. name, { kind = event.kind, reason = event.reason, has_from = event.from ~= "" })
end
function act.returns() logger:info("runs") return 5 end
function act.returns_error() logger:info("runs") return nil, "just text" end
function act.final_error() logger:info("runs") error(errors.new{ message = "final", retryable = false }) end
function act.crashes() logger:info("runs") error("fell over") end
function act.crashes_after(duration) logger:info("runs") time.sleep(duration) error("fell over") end
function act.times() logger:info("runs", { ms = time.now():unix_nano() // 1000000 }) error("fell over") end
function act.fail() error("child") end
function act.link_fails()
    logger:info("runs")
    local inbox = process.inbox()
    process.spawn_linked("app:code", "app:processes", "fail")
    inbox:receive()
end
function act.starts_other() -- one that nobody supervises: it lives until its host stops
    local events = process.events()
    assert(process.spawn("app:code", "app:processes", "refused_late", process.pid()))
    events:receive()
end
function act.refused_late()
    local events, inbox = process.events(), process.inbox()
    logger:info("up other")
    local event = events:receive()
    local function refusal(name, value, err)
        logger:info("refused " .. name, { value = tostring(value), kind = err and err:kind(), text = tostring(err) })
    end
    logger:info("asked to end", { reason = event.reason, has_from = event.from ~= "" })
    refusal("spawn", process.spawn("app:code", "app:processes", "returns"))
    refusal("named", process.with_context({}):with_name("late"):spawn("app:code", "app:processes", "returns"))
    refusal("exec", process.exec("app:code", "app:processes", "returns"))
    local ok = process.send(process.pid(), "late", 1)
    logger:info("sent", { ok = ok, topic = inbox:receive():topic() })
    refusal("nobody", process.send("{app:processes|0xfffff}", "late", 1))
end
function act.deaf() logger:info("runs") process.inbox():receive() end
function act.input(...)
    local kinds = {}
    for i = 1, select("#", ...) do
        local v = select(i, ...)
        kinds[i] = math.type(v) or type(v)
    end
    local nested = select(4, ...)
    logger:info("input", { kinds = table.concat(kinds, " "), nested = nested and nested.a and nested.a[2] })
end
function act.who()
    local actor, scope = security.actor(), security.scope()
    logger:info("who", { actor = actor and actor:id() or "none", role = actor and actor:meta().role or "none",
        policies = scope and #scope:policies() or "none" })
end

return { main = function(action, ...) return act[action](...) end }
