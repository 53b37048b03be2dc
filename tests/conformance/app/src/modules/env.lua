-- Environment variables. The command is started with CONF_OS=from the system and a conformance.env.
local env = require("env")
local expect = require("expect")
local case, main = expect.cases()

local function missing(key)
    local value, err = env.get(key)
    expect.is_nil(value, key)
    expect.equal(err:kind(), "NotFound", key)
    expect.contains(err, "environment variable not found")
    expect.contains(err, "get environment variable failed:")
end

case("defaults are text", function()
    expect.equal(env.get("CONF_MEMORY"), "17")
end)

case("set and get", function()
    missing("CONF_PLAIN")
    local fine, err = env.set("CONF_PLAIN", "a value")
    expect.equal(fine, true)
    expect.is_nil(err)
    expect.equal(env.get("CONF_PLAIN"), "a value")
    expect.equal(env.get("app.modules:v_plain"), "a value") -- by id
    env.set("CONF_PLAIN", "") -- empty counts as unset
    missing("CONF_PLAIN")
end)

case("a variable without public name goes by its id", function()
    expect.equal(env.get("app.modules:v_unnamed"), "by id")
    expect.equal(env.get("v_unnamed"), "by id") -- of this namespace
end)

case("what is not declared is not there", function()
    missing("PATH")
    missing("NO_SUCH_THING")
    expect.failure("Invalid", "*empty key", env.get(""))
end)

case("the operating system is read only", function()
    expect.equal(env.get("CONF_OS"), "from the system")
    expect.equal(env.get("CONF_OS_ABSENT"), "fallback")
    local _, err = env.set("CONF_OS", "x")
    expect.equal(err:kind(), "PermissionDenied")
    expect.contains(err, "storage is read-only")
end)

case("read-only variables, in both spellings", function()
    for _, key in ipairs{ "CONF_READONLY", "CONF_READ_ONLY" } do
        expect.equal(env.get(key), "fixed")
        local fine, err = env.set(key, "x")
        expect.truthy(not fine)
        expect.equal(err:kind(), "PermissionDenied", key)
        expect.contains(err, "environment variable is read-only")
        expect.equal(env.get(key), "fixed")
    end
end)

case("static values", function()
    expect.equal(env.get("FIXED"), "from static")
    expect.equal(env.get("EMPTY"), "not empty")
    local _, err = env.set("FIXED", "x")
    expect.equal(err:kind(), "PermissionDenied")
end)

case("a router reads the first that has it and writes to its first", function()
    missing("CONF_ROUTED")
    expect.equal(env.set("CONF_ROUTED", "routed"), true)
    expect.equal(env.get("CONF_ROUTED"), "routed")
    expect.equal(env.set("CONF_ROUTED", "again"), true)
    expect.equal(env.get("CONF_ROUTED"), "again")
end)

case("files", function()
    expect.equal(env.get("CONF_FILE"), "in a file")
    expect.equal(env.set("CONF_FILE", "changed"), true)
    expect.equal(env.get("CONF_FILE"), "changed")
    expect.equal(env.set("CONF_FILE_NEW", "new"), true)
    expect.equal(env.get("CONF_FILE_NEW"), "new")
    missing("CONF_FILE_ABSENT")
    local _, err = env.set("CONF_FILE_ABSENT", "x") -- no auto_create
    expect.truthy(err, "an error")
end)

case("get_all has the names of every storage", function()
    env.set("CONF_MEMORY", "set")
    local all = env.get_all()
    expect.equal(all.CONF_MEMORY, "set")
    expect.equal(all.CONF_OS, "from the system")
    expect.equal(all.FIXED, "from static")
    expect.truthy(all.PATH, "PATH of the system")
end)

return { main = main }
