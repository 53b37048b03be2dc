-- process.with_context and process.with_options: spawners.
local time = require("time")
local security = require("security")
local expect = require("expect")
local case, main = expect.cases()
local HOST = expect.HOST

local function context_of(spawner)
    return spawner:exec("app:actor", HOST, "context")
end

case("values reach the child", function()
    expect.same(context_of(process.with_context({ a = 1, b = { "x" } })), { a = 1, b = { "x" } })
end)

case("chained values add up, later ones win", function()
    expect.same(context_of(process.with_context({ a = 1, b = 2 }):with_context({ b = 3, c = 4 })),
        { a = 1, b = 3, c = 4 })
end)

case("a spawner is not changed by its methods", function()
    local first = process.with_context({ a = 1 })
    local second = first:with_context({ b = 2 })
    expect.truthy(first ~= second, "a new spawner")
    expect.same(context_of(first), { a = 1 })
    expect.same(context_of(second), { a = 1, b = 2 })
end)

case("a plain spawn inherits, over two levels", function()
    local actor = security.new_actor("ann")
    local allow = security.new_scope({ security.policy("app.modules:allow_all") })
    expect.same(process.with_context({ deep = "v" }):exec("app:actor", HOST, "spawn_context"), { deep = "v" })
    expect.same(process.with_context({}):with_actor(actor):with_scope(allow):exec("app:actor", HOST, "spawn_who"),
        { actor = "ann", scope = 1 })
end)

case("actor and scope are replaced", function()
    local spawner = process.with_context({}):with_actor(security.new_actor("bob", { team = "x" }))
    expect.same(spawner:exec("app:actor", HOST, "who"), { actor = "bob" })
    local scope = security.new_scope({ security.policy("app.modules:allow_all") })
    expect.same(spawner:with_scope(scope):exec("app:actor", HOST, "who"), { actor = "bob", scope = 1 })
end)

case("without any, a child has no actor and no scope", function()
    expect.same(process.exec("app:actor", HOST, "who"), {})
end)

case("options are merged", function()
    expect.equal(process.with_options({ a = 1 }):with_options({ b = 2 }):exec("app:actor", HOST, "value", 3), 3)
end)

case("wrong arguments raise", function()
    local spawner = process.with_context({})
    expect.raises("context keys must be strings", spawner.with_context, spawner, { 1 })
    expect.raises("context keys must be strings", process.with_context, { [5] = 1 })
    expect.raises("options keys must be strings", spawner.with_options, spawner, { 1 })
    expect.raises("actor cannot be nil", spawner.with_actor, spawner, nil)
    expect.raises("scope cannot be nil", spawner.with_scope, spawner, nil)
    expect.raises("Actor expected", spawner.with_actor, spawner, 5)
    expect.raises("Scope expected", spawner.with_scope, spawner, {})
    expect.raises("name cannot be empty", spawner.with_name, spawner, "")
    expect.raises("cannot send to @ topics", spawner.with_message, spawner, "@pid/inbox", 1)
    expect.raises("spawn requires at least id and host arguments", spawner.spawn, spawner, "app:actor")
end)

case("ids, messages and contexts at their edges", function()
    local spawner = process.with_context({})
    local text = "invalid process ID format (namespace:name required)"
    for _, id in ipairs({ "actor", ":actor", "app:" }) do
        expect.raises(text, spawner.exec, spawner, id, HOST)
        expect.failure("Invalid", text, process.exec(id, HOST))
    end
    expect.failure("Invalid", "process ID required", process.exec("", HOST))
    expect.failure("Invalid", "host ID required", process.exec("app:actor", ""))
    expect.raises("context keys must be strings", spawner.with_context, spawner, { a = 1, [2] = 3 })
    local many = spawner
    for i = 1, 64 do many = many:with_message("m", i) end
    expect.raises("too many messages", many.with_message, many, "m", 65)
    local pid = many:spawn_monitored("app:actor", HOST, "collect", "", 64)
    expect.equal(#expect.exit(process.events(), pid).value, 64)
end)

case("priority is an option", function()
    expect.equal(process.with_options({ priority = "high" }):exec("app:actor", HOST, "value", 4), 4)
    expect.equal(process.with_options({ priority = 5 }):exec("app:actor", HOST, "value", 5), 5)
    expect.equal(process.with_options({ priority = "low" }):exec("app:actor", HOST, "value", 6), 6)
end)

case("host, entry and init failures are answered", function()
    local spawner = process.with_context({})
    expect.failure("NotFound", "host not found", spawner:spawn("app:actor", "app:nowhere"))
    expect.failure("NotFound", "factory not found", spawner:spawn_monitored("app:nobody", HOST))
    expect.final_failure("NotFound", "*not found in module", spawner:spawn("app.process:chunk_no_method", HOST))
end)

case("all variants", function()
    process.set_options({ trap_links = true })
    local events, spawner = process.events(), process.with_context({ k = "v" })
    expect.truthy(spawner:spawn("app:actor", HOST, "value"))
    local pid = spawner:spawn_monitored("app:actor", HOST, "context")
    expect.same(expect.exit(events, pid).value, { k = "v" })
    pid = spawner:spawn_linked("app:actor", HOST, "raise", "l")
    local event = expect.receive(events)
    expect.equal(event.kind, process.event.LINK_DOWN)
    expect.equal(event.from, pid)
    pid = spawner:spawn_linked_monitored("app:actor", HOST, "raise", "lm")
    expect.exit(events, pid)
    expect.equal(expect.receive(events).kind, process.event.LINK_DOWN)
end)

case("messages are queued in order, without sender, before any other", function()
    local events = process.events()
    local pid = process.with_context({}):with_message("one", 1):with_message("two", 2)
        :spawn_monitored("app:actor", HOST, "froms", 3)
    process.send(pid, "three", 3)
    expect.same(expect.exit(events, pid).value, { "one=", "two=", "three=someone" })
end)

case("a name is there with the start", function()
    local pid = process.with_context({}):with_name("spawner name"):spawn("app:actor", HOST, "echo")
    expect.equal(process.registry.lookup("spawner name"), pid)
    process.terminate(pid)
end)

case("an existing name gets the messages, nothing is spawned or watched", function()
    local events = process.events()
    local spawner = process.with_context({}):with_name("singleton"):with_message("hello", 5)
    local first = spawner:spawn("app:actor", HOST, "collect", "", 2)
    local second = spawner:spawn_monitored("app:actor", HOST, "collect", "", 2)
    expect.equal(second, first)
    expect.silence(events) -- both messages came, it ended, and was not monitored
    expect.failure("NotFound", "name not registered", process.registry.lookup("singleton"))
    expect.truthy(spawner:spawn("app:actor", HOST, "value") ~= first, "a new process for the free name")
end)

case("an existing name is enough, whatever host and entry are", function()
    local events = process.events()
    local pid = process.with_context({}):with_name("known"):spawn_monitored("app:actor", HOST, "collect", "", 4)
    local again = process.with_context({}):with_name("known"):with_message("m", 1)
    expect.equal(again:spawn("app:actor", "app:nowhere"), pid)
    expect.equal(again:spawn("app:nobody", HOST), pid)
    expect.equal(again:spawn_linked("app:nobody", "app:nowhere"), pid)
    expect.failure("NotFound", "host not found", again:exec("app:actor", "app:nowhere"))
    expect.equal(again:spawn("app.process:spawner", HOST), pid) -- a function is no process
    expect.equal(#expect.exit(events, pid).value, 4)
    expect.failure("NotFound", "host not found", again:spawn("app:actor", "app:nowhere"))
    expect.failure("NotFound", "factory not found", again:spawn("app.process:spawner", HOST))
end)

case("of many who want one name at once one gets it, and the messages of all", function()
    local events, pids, done = process.events(), {}, channel.new(20)
    for i = 1, 20 do
        coroutine.spawn(function()
            local pid, err = process.with_context({}):with_name("much wanted"):with_message("m", i)
                :spawn_monitored("app:actor", "app:tight", "collect", "", 20)
            done:send(pid or tostring(err))
        end)
    end
    for i = 1, 20 do pids[done:receive()] = true end
    local pid = next(pids)
    expect.same(pids, { [pid] = true })
    local seen, order = {}, expect.exit(events, pid).value
    for _, message in ipairs(order) do seen[message.data] = true end
    expect.equal(#seen, 20)
    expect.silence(events)
end)

return { main = main }
