-- What a caller without rights is told, and that rights are asked for the right things.
local security = require("security")
local funcs = require("funcs")
local registry = require("registry")
local expect = require("expect")
local case, main = expect.cases()

-- One who may do nothing.
local nobody = funcs.new():with_actor(security.new_actor("nobody")):with_scope(security.new_scope())

local function refused(kind, message, ...)
    local got, err = nobody:call("app:restricted", ...)
    if not got then error("not called: " .. tostring(err), 2) end
    expect.equal(got.kind, kind, "kind of " .. tostring(...) .. " (" .. tostring(got.raised or got.value) .. ")")
    expect.equal(got.message, message, "message of " .. tostring(...))
    return got
end

local function raised(message, ...)
    local got = nobody:call("app:restricted", ...)
    expect.contains(got.raised, message, tostring(...))
end

case("spawning", function()
    local id, host = "app:actor", "app:processes"
    refused("PermissionDenied", "not allowed to spawn process: app:actor", "process.spawn", id, host)
    for _, name in ipairs{ "process.spawn_monitored", "process.spawn_linked", "process.spawn_linked_monitored" } do
        local got = nobody:call("app:restricted", name, id, host)
        expect.equal(got.kind, "PermissionDenied", name)
        expect.contains(got.message, "not allowed to spawn", name)
    end
    refused("PermissionDenied", "not allowed to exec process: app:actor", "process.exec", id, host)
end)

case("messages, cancel, terminate, monitor, link", function()
    local pid = process.spawn("app:actor", "app:processes", "wait")
    refused("PermissionDenied", "not allowed to send: " .. pid, "process.send", pid, "t", 1)
    refused("PermissionDenied", "not allowed to cancel: " .. pid, "process.cancel", pid)
    refused("PermissionDenied", "not allowed to terminate: " .. pid, "process.terminate", pid)
    for _, name in ipairs{ "monitor", "unmonitor", "link", "unlink" } do
        local got = nobody:call("app:restricted", "process." .. name, pid)
        expect.equal(got.kind, "PermissionDenied", name)
    end
    process.terminate(pid)
end)

case("names", function()
    refused("PermissionDenied", "not allowed to register name: mine", "process.registry.register", "mine")
    local got = nobody:call("app:restricted", "process.registry.unregister", "mine")
    expect.equal(got.kind, "PermissionDenied")
end)

case("spawners raise", function()
    raised("not allowed to spawn processes with custom context", "with_context")
    raised("not allowed to spawn processes with custom options", "with_options")
end)

case("functions", function()
    refused("PermissionDenied", "not allowed: app.modules:add", "funcs.call", "app.modules:add", 1, 2)
    refused("PermissionDenied", "not allowed: app.modules:add", "funcs.async", "app.modules:add", 1, 2)
    for _, name in ipairs{ "funcs_context", "funcs_actor" } do
        local got = nobody:call("app:restricted", name)
        expect.equal(got.kind, "PermissionDenied", name)
    end
end)

case("the event bus", function()
    refused("Invalid", "not allowed to subscribe to events from system: users", "events.subscribe", "users")
    local got = nobody:call("app:restricted", "events.send", "users", "k", "p")
    expect.equal(got.kind, "Invalid")
    expect.contains(got.message, "not allowed to send")
end)

case("the environment", function()
    local got = nobody:call("app:restricted", "env.get", "CONF_MEMORY")
    expect.equal(got.kind, "PermissionDenied")
    expect.contains(got.message, "not allowed to access environment variable: CONF_MEMORY")
    got = nobody:call("app:restricted", "env.set", "CONF_MEMORY", "x")
    expect.equal(got.kind, "PermissionDenied")
    expect.contains(got.message, "not allowed to set environment variable: CONF_MEMORY")
    expect.same(nobody:call("app:restricted", "env.get_all").value, {})
end)

case("the registry", function()
    refused("PermissionDenied", "not allowed to access entry: app:thing", "registry.get", "app:thing")
    refused("PermissionDenied", "not allowed to apply registry changes", "apply")
    local got = nobody:call("app:restricted", "apply_version")
    expect.equal(got.kind, "PermissionDenied")
    expect.integer(nobody:call("app:restricted", "find_count").value, 0)
    expect.truthy(#registry.find({ ["meta.type"] = "thing" }) > 0, "which is there")
end)

case("security objects", function()
    local got = nobody:call("app:restricted", "security.policy", "app.modules:allow_all")
    expect.equal(got.kind, "Invalid")
    got = nobody:call("app:restricted", "security.named_scope", "app.modules:documents")
    expect.equal(got.kind, "Invalid")
    raised("", "security.new_actor", "x")
    raised("", "security.new_scope")
end)

case("system", function()
    for _, name in ipairs{ "system.exit", "system.memory.stats", "system.gc.collect", "system.hosts.list" } do
        local got = nobody:call("app:restricted", name)
        expect.equal(got.kind, "PermissionDenied", name .. " " .. tostring(got.message or got.raised))
    end
end)

-- ---- one right at a time ----

local function with_rights(rights, ...)
    local scope = security.new_scope()
    local changes = registry.snapshot():changes()
    for i, right in ipairs(rights) do
        changes:create({ id = "app.rights:r" .. i, kind = "security.policy",
            data = { policy = { actions = right[1], resources = right[2], effect = "allow" } } })
    end
    assert(changes:apply())
    for i in ipairs(rights) do scope = scope:with(assert(security.policy("app.rights:r" .. i))) end
    local got, err = funcs.new():with_actor(security.new_actor("some")):with_scope(scope):call("app:restricted", ...)
    changes = registry.snapshot():changes()
    for i in ipairs(rights) do changes:delete("app.rights:r" .. i) end
    assert(changes:apply())
    if not got then error(tostring(err), 2) end
    return got
end

case("spawning asks for the entry and for the host, in every variant", function()
    local id, host = "app:actor", "app:processes"
    local got = with_rights({ { "process.spawn", id } }, "process.spawn", id, host, "value")
    expect.equal(got.message, "not allowed to spawn on host: app:processes")
    got = with_rights({ { "process.spawn", id }, { "process.host", host } }, "process.spawn", id, host, "value")
    expect.matches(got.value, "^{app:processes|")
    got = with_rights({ { "process.spawn", id }, { "process.host", host } }, "process.spawn_monitored", id, host, "value")
    expect.equal(got.message, "not allowed to spawn monitored process: app:actor")
    got = with_rights({ { "process.spawn", id }, { "process.host", host } }, "process.spawn_linked", id, host, "value")
    expect.equal(got.message, "not allowed to spawn linked process: app:actor")
    got = with_rights({ { "process.spawn", id }, { "process.spawn.monitored", id } },
        "process.spawn_monitored", id, host, "value")
    expect.equal(got.message, "not allowed to spawn on host: app:processes")
    got = with_rights({ { "process.spawn", id }, { "process.spawn.monitored", id }, { "process.host", host } },
        "process.spawn_monitored", id, host, "value")
    expect.matches(got.value, "^{app:processes|")
    got = with_rights({ { "process.exec", id } }, "process.exec", id, host, "value", 5)
    expect.equal(got.message, "not allowed to exec on host: app:processes")
    got = with_rights({ { "process.exec", id }, { "process.host", host } }, "process.exec", id, host, "value", 5)
    expect.integer(got.value, 5)
end)

case("a spawner raises what it was not allowed", function()
    local got = with_rights({ { "process.context", "context" } }, "spawner_spawn")
    expect.truthy(got.raised, "raised")
end)

case("a policy on pids fences off a host", function()
    local pid = process.spawn("app:actor", "app:processes", "wait")
    local got = with_rights({ { "process.send", "{app:processes|*" } }, "process.send", pid, "t", 1)
    expect.equal(got.value, true)
    got = with_rights({ { "process.send", "{app:system|*" } }, "process.send", pid, "t", 1)
    expect.equal(got.kind, "PermissionDenied")
    process.terminate(pid)
end)

case("a name of another process needs a right of its own", function()
    local pid = process.spawn("app:actor", "app:processes", "wait")
    local got = with_rights({ { "process.registry.register", "*" } }, "process.registry.register", "n", pid)
    expect.equal(got.kind, "PermissionDenied")
    expect.equal(got.message, "not allowed to register foreign pid " .. pid .. ' under name "n"')
    got = with_rights({ { "process.registry.register", "*" }, { "process.registry.foreign", pid } },
        "process.registry.register", "n", pid)
    expect.equal(got.value, true)
    process.terminate(pid)
end)

return { main = main }
