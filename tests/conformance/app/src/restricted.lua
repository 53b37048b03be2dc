-- Does one thing and says how it went: called with an actor and a scope that allow little.
local funcs = require("funcs")
local events = require("events")
local env = require("env")
local registry = require("registry")
local security = require("security")
local system = require("system")

local able = { process = process, funcs = funcs, events = events, env = env, registry = registry,
               security = security, system = system }

local function find(path)
    local value = able
    for name in path:gmatch("[^.]+") do value = value[name] end
    return value
end

local function told(fine, value, err)
    if not fine then return { raised = tostring(value) } end
    if err ~= nil then return { value = value, kind = err:kind(), message = err:message() } end
    return { value = type(value) == "userdata" and tostring(value) or value }
end

local special = {}
function special.with_context() return process.with_context({ a = 1 }) end
function special.with_options() return process.with_options({ a = 1 }) end
function special.spawner_spawn() return process.with_context({}):spawn("app:actor", "app:processes", "value") end
function special.funcs_context() return funcs.new():with_context({ a = 1 }) end
function special.funcs_actor() return funcs.new():with_actor(security.actor()) end
function special.apply() -- an empty changeset has nothing to be denied
    local changes = registry.snapshot():changes()
    changes:create({ id = "app:denied", kind = "registry.entry" })
    return changes:apply()
end
function special.apply_version() return registry.apply_version(registry.current_version()) end
function special.find_count() return #registry.find({ ["meta.type"] = "thing" }) end

local function main(what, ...)
    local fn = special[what] or find(what)
    return told(pcall(fn, ...))
end

return { main = main }
