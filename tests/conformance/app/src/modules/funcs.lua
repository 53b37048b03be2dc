-- Calls, futures, executors.
local time = require("time")
local funcs = require("funcs")
local security = require("security")
local registry = require("registry")
local expect = require("expect")
local case, main = expect.cases()

case("call answers the first value", function()
    expect.integer(funcs.call("app.modules:add", 40, 2), 42)
    expect.equal(select("#", funcs.call("app.modules:add", 40, 2)), 2) -- value, nil
end)

case("call checks its target", function()
    for _, call in ipairs{ funcs.call, funcs.async } do
        expect.failure("Invalid", "function ID required", call(""))
        expect.failure("Invalid", "namespace required in function ID", call("add"))
        expect.failure("Invalid", "namespace required in function ID", call(":add"))
        expect.failure("Invalid", "name required in function ID", call("app.modules:"))
    end
    expect.failure("Invalid", "function ID required", funcs.call())
end)

case("an unknown target is told", function()
    expect.failure("NotFound", "no handler registered for target", funcs.call("app.modules:nobody"))
    expect.failure("NotFound", "no handler registered for target", funcs.call("app:thing"))
    expect.failure("NotFound", "no handler registered for target", funcs.call("app:actor")) -- no default host
end)

case("a process with a default host is called", function()
    for _, name in ipairs{ "process_as_function", "process_by_option" } do
        local got, err = funcs.call("app.modules:" .. name, "v")
        expect.truthy(got, tostring(err))
        expect.equal(got[1], "v")
        expect.matches(got[2], "^{app:processes|")
    end
end)

case("what a function may not use is named", function()
    local _, err = funcs.call("app.modules:needs_absent")
    expect.contains(err, "json")
    expect.contains(expect.failure("NotFound", "*telepathy", funcs.call("app.modules:unavailable")), "telepathy")
end)

case("a call may block in pcall", function()
    local fine, value = pcall(funcs.call, "app.modules:slow_echo", "v", "1ms")
    expect.equal(fine, true)
    expect.equal(value, "v")
end)

case("five slow calls take as long as one", function()
    expect.in_time("five calls of 100 ms", 400, function()
        local began, futures = time.now(), {}
        for i = 1, 5 do futures[i] = funcs.async("app.modules:slow_echo", i) end
        for i = 1, 5 do
            local payload, ok = futures[i]:response():receive()
            expect.equal(ok, true)
            expect.integer(payload:data(), i)
        end
        expect.truthy(time.now():sub(began):milliseconds() >= 100, "not early")
    end)
end)

case("select over futures", function()
    local slow = funcs.async("app.modules:slow_echo", "slow", "1h")
    local fast = funcs.async("app.modules:slow_echo", "fast", "20ms")
    local got = channel.select{ slow:channel():case_receive(), fast:channel():case_receive() }
    expect.equal(got.channel, fast:channel())
    expect.equal(got.value:data(), "fast")
    slow:cancel()
end)

case("a future while it is pending", function()
    local future = funcs.async("app.modules:slow_echo", 1, "1h")
    expect.equal(future:is_complete(), false)
    expect.equal(future:is_canceled(), false)
    expect.same({ future:result() }, {})
    local err, failed = future:error()
    expect.is_nil(err)
    expect.equal(failed, false)
    expect.equal(future:response(), future:channel())
    expect.equal(future:response(), future:response())
    future:cancel()
end)

case("a future that succeeded", function()
    local future = funcs.async("app.modules:add", 1, 2)
    local payload, ok = future:channel():receive()
    expect.integer(payload:data(), 3)
    expect.equal(ok, true)
    expect.equal(select(2, future:channel():receive()), false) -- closed after one
    expect.equal(future:is_complete(), true)
    local result, problem = future:result()
    expect.integer(result:data(), 3)
    expect.is_nil(problem)
    local err, failed = future:error()
    expect.is_nil(err)
    expect.equal(failed, false)
    expect.equal(future:is_canceled(), false)
end)

case("the result is there without reading the channel", function()
    local future = funcs.async("app.modules:add", 1, 2)
    expect.becomes(function() return future:is_complete() end, "complete")
    expect.integer(future:result():data(), 3)
    expect.integer(future:channel():receive():data(), 3)
end)

case("a future that failed", function()
    local future = funcs.async("app.modules:fails")
    local err, ok = future:channel():receive()
    expect.error("NotFound", "no such thing", err)
    expect.equal(ok, true)
    expect.equal(select(2, future:channel():receive()), false)
    expect.equal(future:is_complete(), true)
    expect.failure("NotFound", "no such thing", future:result())
    local problem, failed = future:error()
    expect.error("NotFound", "no such thing", problem)
    expect.equal(failed, true)
end)

case("a canceled future", function()
    local future = funcs.async("app.modules:slow_echo", 1, "1h")
    expect.equal(future:cancel(), true)
    expect.equal(select(2, future:channel():receive()), false)
    expect.equal(future:is_complete(), true)
    expect.equal(future:is_canceled(), true)
    expect.failure("Canceled", "canceled", future:result())
    local err, failed = future:error()
    expect.equal(failed, true)
    expect.error("Canceled", "canceled", err)
end)

case("an unknown target of async is the failure of its future or of the call", function()
    local future, err = funcs.async("app.modules:nobody")
    if future then err = future:channel():receive() end
    expect.error("NotFound", "no handler registered for target", err)
end)

case("executors are not changed by their methods", function()
    local one = funcs.new()
    local two = one:with_context({ a = 1 })
    expect.same(one:call("app.modules:context").all, {})
    expect.same(two:call("app.modules:context").all, { a = 1 })
    expect.same(two:with_context({ b = 2, a = 3 }):call("app.modules:context").all, { a = 3, b = 2 })
    expect.integer(one:async("app.modules:add", 1, 1):channel():receive():data(), 2)
end)

case("actor and scope of a call", function()
    local e = funcs.new():with_actor(security.new_actor("ann"))
    expect.equal(e:call("app.modules:context").actor, "ann")
    e = e:with_scope(security.new_scope({ security.policy("app.modules:allow_all") }))
    expect.integer(e:call("app.modules:context").scope, 1)
end)

case("a timeout ends the wait", function()
    local began = time.now()
    local e = funcs.new():with_options({ timeout = 30 })
    expect.failure("Timeout", "*", e:call("app.modules:slow_echo", 1, "1h"))
    expect.truthy(time.now():sub(began):milliseconds() >= 30, "not early")
    expect.integer(e:call("app.modules:add", 1, 2), 3)
end)

case("inline and static pools", function()
    expect.integer(funcs.call("app.modules:inline", 5), 5)
    local futures = {}
    for i = 1, 10 do futures[i] = assert(funcs.async("app.modules:static", i)) end
    for i = 1, 10 do expect.integer(futures[i]:channel():receive():data(), i) end
end)

case("a call is tried again as its entry says", function()
    local attempts = process.listen("attempt")
    expect.failure("Unavailable", "again", funcs.call("app.modules:flaky", process.pid()))
    for _ = 1, 3 do expect.receive(attempts) end
    expect.silence(attempts, "30ms")
end)

case("a call whose caller ends is of no consequence", function()
    local events = process.events()
    local pid = expect.actor("call", "app.modules:slow_echo", 1, "1h")
    time.sleep("20ms")
    process.terminate(pid)
    expect.error("Internal", "process terminated", expect.exit(events, pid).error)
end)

case("a running call keeps its code, a new call has the new one", function()
    local function apply(action, body)
        local changes = registry.snapshot():changes()
        changes[action](changes, { id = "app.modules:changing", kind = "function.lua",
            data = { method = "main", modules = { "time" }, source = body } })
        expect.truthy(changes:apply())
    end
    apply("create", [[return { main = function(caller)
        process.send(caller, "runs", process.pid())
        process.inbox():receive()
        return "old"
    end }]])
    local runs = process.listen("runs")
    local running = funcs.async("app.modules:changing", process.pid())
    local pid = expect.receive(runs)
    apply("update", "return { main = function() return 'new' end }")
    expect.equal(funcs.call("app.modules:changing"), "new")
    process.send(pid, "go", 1)
    expect.equal(running:channel():receive():data(), "old")
    local changes = registry.snapshot():changes()
    changes:delete("app.modules:changing")
    expect.truthy(changes:apply())
    expect.failure("NotFound", "no handler registered for target", funcs.call("app.modules:changing"))
    apply("create", "return { main = function() return 'again' end }")
    expect.equal(funcs.call("app.modules:changing"), "again")
    changes = registry.snapshot():changes()
    changes:delete({ ns = "app.modules", name = "changing" })
    changes:apply()
end)

return { main = main }
