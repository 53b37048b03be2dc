-- How a body starts, what ends it, what becomes of its result; pids and ids.
local time = require("time")
local expect = require("expect")
local funcs_target = "app.process:identity"
local case, main = expect.cases()
local HOST = expect.HOST

local function start(name, ...)
    return process.spawn("app.process:" .. name, HOST, ...)
end

local function result_of(name, ...)
    local events = process.events()
    local pid, err = process.spawn_monitored("app.process:" .. name, HOST, ...)
    expect.truthy(pid, tostring(err))
    return expect.exit(events, pid)
end

-- ---- the chunk ----

case("a chunk may return the function itself, whatever the method", function()
    expect.integer(result_of("chunk_function", 1, nil, nil).value, 3, "argument count")
end)

case("a chunk returns a table, the method is looked up in it", function()
    expect.equal(result_of("after_other_method", 1).value, "other")
end)

case("a missing method fails the spawn", function()
    expect.failure("NotFound", 'method "absent" not found in module', start("chunk_no_method"))
end)

case("a method that is no function fails the spawn", function()
    expect.failure("NotFound", 'method "main" not found in module', start("chunk_method_is_no_function"))
end)

case("a chunk that returns nothing fails the spawn", function()
    local pid, err = start("chunk_nothing")
    expect.is_nil(pid)
    expect.truthy(err)
end)

case("a syntax error fails the spawn", function()
    expect.failure("Internal", "*failed to load script", start("chunk_syntax"))
end)

case("an error of the chunk fails the spawn", function()
    local err = expect.failure("Internal", "*failed to execute script", start("chunk_raises"))
    expect.contains(err, "no start today")
end)

case("a chunk may not block", function()
    expect.failure("Internal", "*failed to execute script", start("chunk_inbox"))
    expect.failure("Internal", "*failed to execute script", start("chunk_sleep"))
    expect.failure("Internal", "*failed to execute script", start("chunk_call"))
end)

case("globals of the chunk are seen by all its functions, also ones defined after main", function()
    expect.integer(result_of("chunk_globals").value, 42)
end)

case("globals of one process are not seen by another", function()
    expect.integer(result_of("chunk_globals").value, 42)
    expect.integer(result_of("chunk_globals").value, 42)
end)

case("each payload is one argument and explicit nils count", function()
    expect.same(expect.outcome("shape", 1, 2.5, "s", nil, true, {}, nil).value,
        { count = 7, "integer", "float", "string", "nil", "boolean", "table", "nil" })
end)

-- ---- results ----

case("a body that returns nothing ends with nil", function()
    local result = expect.outcome("value")
    expect.equal(type(result), "table")
    expect.is_nil(result.value)
    expect.is_nil(result.error)
end)

case("a body that returns a value ends with its first", function()
    local result = expect.outcome("value", 17, 18, 19)
    expect.integer(result.value, 17)
    expect.is_nil(result.error)
end)

case("a second result that is a string is the error", function()
    local result = expect.outcome("value", "dropped", "went wrong")
    expect.is_nil(result.value)
    expect.final_failure("Internal", "went wrong", nil, result.error)
end)

case("false and a string is a failure", function()
    expect.error("Internal", "why", expect.outcome("value", false, "why").error)
end)

case("a second result that is an error object is the error", function()
    local result = expect.outcome("return_error", "Timeout", "too late")
    expect.is_nil(result.value)
    expect.error("Timeout", "too late", result.error)
    expect.equal(result.error:retryable(), true)
    expect.same(result.error:details(), { a = { 1 } })
end)

case("a second result that is anything else is ignored", function()
    for _, other in ipairs{ 5, true, { 1 } } do
        local result = expect.outcome("value", "kept", other)
        expect.equal(result.value, "kept")
        expect.is_nil(result.error)
    end
end)

case("a raised string is an error without position", function()
    local result = expect.outcome("raise", "boom")
    expect.is_nil(result.value)
    expect.error("Internal", "boom", result.error)
    expect.contains(result.error:stack(), "app:actor:") -- the position is there
end)

case("a raised error object is that error", function()
    local err = expect.error("Conflict", "both", expect.outcome("raise_error", "Conflict", "both").error)
    expect.equal(err:retryable(), true)
    expect.same(err:details(), { a = 1 })
end)

case("a raised table is an error", function()
    expect.equal(type(expect.outcome("raise_table").error), "userdata")
end)

case("an error in any coroutine ends the process", function()
    expect.error("Internal", "from the side", expect.outcome("raise_in_coroutine", "from the side").error)
end)

case("the end of main ends all coroutines", function()
    local began = time.now()
    expect.equal(expect.outcome("leave_others_waiting").value, "left")
    expect.truthy(time.now():sub(began):seconds() < 10, "soon")
end)

case("terminate ends with an error", function()
    local events = process.events()
    local pid = expect.actor("wait")
    expect.equal(process.terminate(pid), true)
    expect.error("Internal", "process terminated", expect.exit(events, pid).error)
end)

case("terminate ends a body that never yields", function()
    local events = process.events()
    local pid = expect.actor("spin")
    time.sleep("20ms")
    expect.equal(process.terminate(pid), true)
    expect.error("Internal", "process terminated", expect.exit(events, pid).error)
end)

-- ---- waiting for ever ----

case("a body that nothing can wake fails", function()
    expect.error("Internal", "deadlock: all coroutines blocked with no pending operations (threads=2)",
        expect.outcome("deadlock").error)
end)

case("a function that nothing can wake fails", function()
    local funcs = require("funcs")
    expect.failure("Internal", "*deadlock: all coroutines blocked with no pending operations",
        funcs.call("app.process:deaf_function"))
end)

case("a body with a subscription idles", function()
    local events = process.events()
    local pid = expect.actor("deaf")
    expect.silence(events)
    expect.equal(process.send(pid, "any", 1), true)
    expect.equal(expect.exit(events, pid).value, "mail")
end)

-- ---- pids and ids ----

case("a pid is text of host and number", function()
    local pid = expect.actor("value")
    expect.equal(type(pid), "string")
    expect.matches(pid, "^{app:processes|0x%x%x%x%x%x+}$")
    expect.equal(pid:lower(), pid)
end)

case("pids are not used again", function()
    local seen = {}
    for _ = 1, 50 do
        local pid = process.spawn("app:actor", HOST, "value")
        expect.is_nil(seen[pid])
        seen[pid] = true
    end
end)

case("process.pid and process.id of a process", function()
    local events = process.events()
    local pid = expect.actor("identity")
    expect.same(expect.exit(events, pid).value, { pid = pid, id = "app:actor" })
end)

case("a function has a pid and an id of its own", function()
    local funcs = require("funcs")
    local one, two = funcs.call(funcs_target), funcs.call(funcs_target)
    expect.matches(one.pid, "^{app%.process:identity#lua%.%d+|0x%x%x%x%x%x+}$")
    expect.equal(one.id, "app.process:identity")
    expect.truthy(one.pid ~= two.pid, "a new pid for each call")
    expect.truthy(one.pid ~= process.pid(), "not the caller's")
    expect.failure("NotFound", "*not found", process.send(one.pid, "t", 1))
end)

case("a pid is the same all the time", function()
    local before = process.pid()
    time.sleep("1ms")
    expect.equal(process.pid(), before)
end)

case("a pid that is none says what is missing", function()
    expect.failure("Invalid", "*invalid pid", process.registry.register("pid test", "nonsense"))
    expect.failure("Invalid", "*missing braces", process.registry.register("pid test", "nonsense"))
    expect.failure("Invalid", "*missing pipe", process.registry.register("pid test", "{app:processes}"))
end)

-- ---- coroutines of a process ----

case("a spawned coroutine runs before its spawner goes on", function()
    local order = {}
    coroutine.spawn(function()
        order[#order + 1] = "child"
        coroutine.yield()
        order[#order + 1] = "child again"
    end)
    order[#order + 1] = "spawner"
    coroutine.yield()
    order[#order + 1] = "spawner again"
    expect.same(order, { "child", "spawner", "child again", "spawner again" })
end)

case("a plain yield queues the coroutine again", function()
    local order = {}
    for i = 1, 3 do
        coroutine.spawn(function()
            for _ = 1, 2 do
                order[#order + 1] = i
                coroutine.yield()
            end
        end)
    end
    for _ = 1, 4 do coroutine.yield() end
    expect.equal(#order, 6)
end)

case("a list of cases can fail", function() -- of the suite itself: a wrong expectation is an error
    expect.raises("expected 2", expect.equal, 1, 2)
    expect.raises("nothing received", expect.receive, channel.new(), "1ms")
    expect.raises("no failure", expect.failure, "Invalid", "x", true)
end)

return { main = main }
