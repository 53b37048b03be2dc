-- Entries, searching, versions, changes.
local registry = require("registry")
local funcs = require("funcs")
local time = require("time")
local events = require("events")
local expect = require("expect")
local case, main = expect.cases()

local function ids(list)
    local out = {}
    for i, entry in ipairs(list) do out[i] = entry.id end
    return out
end

local function find(filter)
    local list, err = registry.find(filter)
    expect.truthy(list, tostring(err))
    return ids(list)
end

local function change(...)
    local changes = registry.snapshot():changes()
    for _, step in ipairs{ ... } do
        local action, value = step[1], step[2]
        expect.truthy(changes[action](changes, value), action)
    end
    return changes:apply()
end

-- Whatever happens in the body, the registry is as before.
local function undone(name, body)
    case(name, function()
        local before = registry.current_version()
        local fine, err = pcall(body)
        local back, problem = registry.apply_version(before)
        if not fine then error(err, 0) end
        expect.equal(back, true, tostring(problem))
    end)
end

local function version_ids()
    local out = {}
    for i, version in ipairs(registry.versions()) do out[i] = version:id() end
    return out
end

-- ---- versions: first, before anything changes ----

case("versions", function()
    local current = expect.truthy(registry.current_version())
    expect.equal(math.type(current:id()), "integer")
    expect.equal(current:string(), "v" .. current:id())
    expect.equal(tostring(current), "registry.Version{v" .. current:id() .. "}")
    local list = version_ids()
    expect.equal(list[1], 0)
    for i = 2, #list do expect.truthy(list[i] > list[i - 1], "ascending") end
end)

undone("each apply makes one version, ids only grow", function()
    local before = registry.current_version():id()
    local one = expect.truthy(change({ "create", { id = "app.new:one", kind = "registry.entry" } }))
    expect.equal(registry.current_version():id(), one:id())
    expect.truthy(one:id() > before, "grows")
    local two = expect.truthy(change({ "create", { id = "app.new:two", kind = "registry.entry" } }))
    expect.equal(two:id(), one:id() + 1)
    expect.equal(two:previous():id(), one:id())
    expect.equal(one:next():id(), two:id())
    expect.is_nil(two:next())
end)

undone("going back, and on from there", function()
    local base = registry.current_version()
    local one = change({ "create", { id = "app.new:one", kind = "registry.entry" } })
    expect.truthy(registry.get("app.new:one"))
    expect.equal(registry.apply_version(base), true)
    expect.failure("NotFound", "*entry not found", registry.get("app.new:one"))
    expect.equal(registry.apply_version(one), true)
    expect.truthy(registry.get("app.new:one"))
    registry.apply_version(base)
    local other = change({ "create", { id = "app.new:other", kind = "registry.entry" } })
    expect.truthy(other:id() > one:id(), "a new id")
    expect.equal(other:previous():id(), base:id())
end)

undone("snapshots do not change", function()
    change({ "create", { id = "app.new:base", kind = "registry.entry" } }) -- 0 is no number to ask for
    local snapshot = registry.snapshot()
    local version = registry.current_version()
    change({ "create", { id = "app.new:one", kind = "registry.entry" } })
    local value, err = snapshot:get("app.new:one")
    expect.is_nil(value)
    expect.equal(err:kind(), "NotFound")
    expect.equal(snapshot:version():id(), version:id())
    expect.truthy(registry.snapshot():get("app.new:one"))
    local old = expect.truthy(registry.snapshot_at(version:id()))
    expect.is_nil(old:get("app.new:one"))
    expect.equal(tostring(old), "registry.Snapshot{version=" .. version:string() .. "}")
end)

case("snapshots: entries, find, namespace", function()
    local snapshot = registry.snapshot()
    expect.equal(#snapshot:entries(), #registry.find({}))
    expect.same(ids(snapshot:find({ ["meta.type"] = "single" })),
        find({ ["meta.type"] = "single" }))
    expect.equal(#snapshot:namespace("app.registry.single"), 2)
end)

case("versions that do not exist", function()
    expect.failure("Invalid", "invalid version ID", registry.snapshot_at(-1))
    expect.failure("NotFound", "version not found", registry.snapshot_at(99999))
end)

case("history", function()
    local history = registry.history()
    expect.equal(tostring(history), "registry.History{}")
    expect.equal(#history:versions(), #registry.versions())
    local version = registry.current_version()
    expect.equal(history:get_version(version:id()):id(), version:id())
    expect.equal(history:snapshot_at(version):version():id(), version:id())
end)

-- ---- entries ----

case("parse_id", function()
    expect.same(registry.parse_id("a.b:c:d"), { ns = "a.b", name = "c:d" })
    expect.same(registry.parse_id("plain"), { ns = "", name = "plain" })
end)

case("an entry has id, kind, meta and data", function()
    local entry, err = registry.get("app.registry:apple")
    expect.truthy(entry, tostring(err))
    expect.equal(entry.id, "app.registry:apple")
    expect.equal(entry.kind, "registry.entry")
    expect.equal(entry.meta.title, "Apple of the garden")
    expect.equal(entry.meta.area, "registry") -- of the file
    expect.same(entry.data, { price = 3, parts = { seeds = { 1, 2 }, stem = true } })
end)

case("an entry with a data key has nothing else", function()
    expect.same(registry.get("app.registry:whole").data, { kept = 1 })
end)

case("files, blocks and plain values", function()
    expect.same(registry.get("app.registry:text").data, { content = "text of a file\n",
        from_root = "text of a file\n", octal = 384, yes_is_text = "yes", block = "one\n  two\n", folded = "a b" })
    expect.contains(registry.get("app.registry:named_function").data.source, "from a file")
end)

case("one entry in a file, entries in JSON, names with dots and dashes", function()
    expect.integer(registry.get("app.registry.single:alone").data.answer, 42)
    expect.equal(registry.get("app.registry.single:json").data.n, 1.5)
    expect.truthy(registry.get("app.registry:lemon.one-two_three"))
end)

case("an entry of a kind nobody knows is kept", function()
    expect.equal(registry.get("app.registry:unheard").data.temperature, -2.5)
end)

case("what is not there is told", function()
    expect.final_failure("NotFound", "entry not found: app:nobody", registry.get("app:nobody"))
end)

case("an answer is a copy", function()
    registry.get("app.registry:apple").data.price = 99
    expect.integer(registry.get("app.registry:apple").data.price, 3)
end)

-- ---- find ----

local apple, pear, lemon = "app.registry:apple", "app.registry:pear", "app.registry:lemon.one-two_three"

case("find by meta, in the order of loading", function()
    expect.same(find({ ["meta.type"] = "fruit" }), { apple, pear, lemon })
    expect.same(find({ ["meta.type"] = "fruit", ["meta.colour"] = "yellow" }), { pear, lemon })
    expect.same(find({ ["meta.type"] = "stone" }), {})
end)

case("find by name, namespace, kind and id", function()
    expect.same(find({ [".name"] = "apple" }), { apple })
    expect.same(find({ [".ns"] = "app.registry", [".name"] = "p*" }), { pear })
    expect.same(find({ [".id"] = "app.registry:lemon*" }), { lemon })
    expect.same(find({ [".id"] = "*:pear" }), { pear })
    expect.same(find({ [".kind"] = "registry.entry", [".ns"] = "app.registry.single" }), find({ ["meta.type"] = "single" }))
end)

case("find by operators", function()
    expect.same(find({ ["meta.type"] = "fruit", ["~meta.colour"] = "^gr" }), { apple })
    expect.same(find({ ["meta.type"] = "fruit", ["*meta.title"] = "of the" }), { apple })
    expect.same(find({ ["meta.type"] = "fruit", ["*meta.tags"] = "round" }), { apple, lemon })
    expect.same(find({ ["meta.type"] = "fruit", ["^meta.colour"] = "yel" }), { pear, lemon })
    expect.same(find({ ["meta.type"] = "fruit", ["$meta.colour"] = "een" }), { apple })
end)

case("find: an array means all of it", function()
    expect.same(find({ ["meta.type"] = "fruit", ["meta.tags"] = { "sweet", "round" } }), { apple })
end)

case("find: other keys have no effect, an empty filter is everything", function()
    local all = find({})
    expect.truthy(#all > 50, "everything")
    expect.same(find({ kind = "registry.entry" }), all)
    expect.same(find({ meta = { type = "fruit" } }), all)
end)

-- ---- changes ----

undone("create, update, delete", function()
    expect.truthy(change({ "create", { id = "app.new:e", kind = "registry.entry", meta = { a = 1 }, data = { v = 1 } } }))
    expect.same(registry.get("app.new:e").data, { v = 1 })
    expect.truthy(change({ "update", { id = "app.new:e", kind = "registry.entry", data = { v = 2 } } }))
    expect.same(registry.get("app.new:e").data, { v = 2 })
    expect.truthy(change({ "delete", "app.new:e" }))
    expect.failure("NotFound", "*entry not found", registry.get("app.new:e"))
    change({ "create", { id = "app.new:e", kind = "registry.entry" } })
    expect.truthy(change({ "delete", { ns = "app.new", name = "e" } }))
end)

undone("changes are chained and can be looked at", function()
    local changes = registry.snapshot():changes()
    expect.equal(tostring(changes), "registry.Changes{ops=0}")
    expect.equal(changes:create({ id = "app.new:a", kind = "registry.entry" }):delete("app.registry:pear"), changes)
    expect.equal(tostring(changes), "registry.Changes{ops=2}")
    local ops = changes:ops()
    expect.equal(ops[1].kind, "entry.create")
    expect.equal(ops[1].entry.id, "app.new:a")
    expect.equal(ops[2].kind, "entry.delete")
    expect.equal(ops[2].entry.id, "app.registry:pear")
end)

case("wrong changes are told", function()
    local changes = registry.snapshot():changes()
    expect.failure("Invalid", "entry must have valid id field", changes:create({ kind = "registry.entry" }))
    expect.failure("Invalid", "entry must have kind field", changes:create({ id = "app.new:e" }))
    expect.failure("Invalid", "no changes to apply", changes:apply())
end)

case("what cannot be applied changes nothing", function()
    local version = registry.current_version():id()
    local function refused(...)
        local done, err = change({ "create", { id = "app.new:innocent", kind = "registry.entry" } }, ...)
        expect.is_nil(done)
        expect.contains(err, "apply changes: failed to apply changes")
        expect.is_nil(registry.get("app.new:innocent"))
        return err
    end
    refused({ "create", { id = "app.registry:apple", kind = "registry.entry" } })
    refused({ "update", { id = "app.new:nobody", kind = "registry.entry" } })
    refused({ "delete", "app.new:nobody" })
    refused({ "update", { id = "app.registry:apple", kind = "function.lua", data = { source = "return {}", method = "m" } } })
    refused({ "create", { id = "app.new:fn", kind = "function.lua", data = { source = "return {}" } } })
    refused({ "create", { id = "app.new:fn", kind = "function.lua", data = { method = "main" } } })
    refused({ "create", { id = "app.new:host", kind = "process.host", data = { host = { workers = -1 } } } })
    local err = refused({ "create", { id = "app.new:fn", kind = "function.lua",
        data = { method = "main", source = "local x = 1\ntype T = = number\nreturn {}" } } })
    expect.equal(err:message(), "apply changes: failed to apply changes: app.new:fn:2: unexpected '=' in type")
    expect.equal(registry.current_version():id(), version)
end)

case("a kind without handler is refused at once", function()
    local began = time.now()
    local done, err = change({ "create", { id = "app.new:w", kind = "weather.station" } })
    expect.is_nil(done)
    expect.contains(err, "no handler for kind")
    expect.equal(err:kind(), "Invalid")
    expect.truthy(time.now():sub(began):seconds() < 5, "at once")
end)

case("messages of wrong entries", function()
    local function message_of(entry)
        local done, err = change({ "create", entry })
        expect.is_nil(done)
        return tostring(err)
    end
    expect.contains(message_of({ id = "app.new:f", kind = "function.lua", data = { source = "return 1" } }),
        "method is required")
    expect.contains(message_of({ id = "app.new:f", kind = "function.lua", data = { method = "main" } }),
        "source is required")
    for field, text in pairs{ workers = "workers must be greater than 0", queue_size = "queue size must be greater than 0",
                              local_queue_size = "local queue size must be greater than 0" } do
        expect.contains(message_of({ id = "app.new:h", kind = "process.host", data = { host = { [field] = -1 } } }), text)
    end
    expect.contains(message_of({ id = "app.new:l", kind = "library.lua",
        data = { source = "return {}", imports = { self = "app.new:l" } } }), "adding dependency would create a cycle")
    expect.contains(message_of({ id = "app.new:l", kind = "library.lua",
        data = { source = "return {}", modules = { "app:time" } } }), "module cannot have a namespace")
    expect.contains(message_of({ id = "app.new:t", kind = "function.lua",
        data = { method = "main", source = "local x: = 5\nreturn { main = function() end }" } }), "app.new:t")
end)

undone("one alias for two things is a conflict", function()
    local done, err = change(
        { "create", { id = "app.new:l1", kind = "library.lua", data = { source = "return 1" } } },
        { "create", { id = "app.new:l2", kind = "library.lua", data = { source = "return 2" } } },
        { "create", { id = "app.new:between", kind = "library.lua",
            data = { source = "return 3", imports = { l = "app.new:l2" } } } },
        { "create", { id = "app.new:f", kind = "function.lua", data = { method = "main", source = "return {}",
            imports = { l = "app.new:l1", between = "app.new:between" } } } })
    expect.is_nil(done)
    expect.contains(err, "alias 'l' collision:")
end)

undone("a function is callable once it was applied", function()
    expect.truthy(change({ "create", { id = "app.new:f", kind = "function.lua",
        data = { method = "main", source = "return { main = function(a) return a * 2 end }" } } }))
    expect.integer(funcs.call("app.new:f", 21), 42)
    expect.truthy(change({ "delete", "app.new:f" }))
    expect.failure("NotFound", "no handler registered for target", funcs.call("app.new:f"))
    change({ "create", { id = "app.new:f", kind = "function.lua",
        data = { method = "main", source = "return { main = function() return 'new' end }" } } })
    expect.equal(funcs.call("app.new:f"), "new")
end)

undone("an update of a library reaches its importers", function()
    change({ "create", { id = "app.new:f", kind = "function.lua",
        data = { method = "main", source = "return { main = function() return require('l').v end }",
                 imports = { l = "app.new:l" } } } },
        { "create", { id = "app.new:l", kind = "library.lua", data = { source = "return { v = 1 }" } } })
    expect.integer(funcs.call("app.new:f"), 1)
    change({ "update", { id = "app.new:l", kind = "library.lua", data = { source = "return { v = 2 }" } } })
    expect.integer(funcs.call("app.new:f"), 2)
end)

case("going back deletes dependents first", function()
    local before = registry.current_version()
    expect.truthy(change({ "create", { id = "app.new:f", kind = "function.lua",
        data = { method = "main", source = "return { main = function() return require('l') end }",
                 imports = { l = "app.new:l" } } } },
        { "create", { id = "app.new:l", kind = "library.lua", data = { source = "return 7" } } }))
    expect.integer(funcs.call("app.new:f"), 7)
    local back, err = registry.apply_version(before)
    expect.equal(back, true, tostring(err))
    expect.failure("NotFound", "no handler registered for target", funcs.call("app.new:f"))
end)

undone("a process is spawned once it was applied, a host is started by auto_start", function()
    change({ "create", { id = "app.new:p", kind = "process.lua", data = { source = "return function(v) return v end" } } })
    expect.equal(process.exec("app.new:p", expect.HOST, "v"), "v")
end)

undone("build_delta", function()
    local from = registry.snapshot()
    change({ "create", { id = "app.new:d", kind = "registry.entry" } }, { "delete", "app.registry:pear" })
    local delta, err = registry.build_delta(from, registry.snapshot())
    if not delta then delta, err = registry.build_delta(from:version(), registry.current_version()) end
    expect.truthy(delta, tostring(err))
    local kinds = {}
    for _, op in ipairs(delta) do kinds[op.entry.id] = op.kind end
    expect.equal(kinds["app.new:d"], "entry.create")
    expect.equal(kinds["app.registry:pear"], "entry.delete")
end)

undone("changes are events of the bus", function()
    local sub = events.subscribe("registry")
    change({ "create", { id = "app.new:e", kind = "registry.entry" } })
    local event = expect.receive(sub:channel())
    expect.equal(event.system, "registry")
end)

return { main = main }
