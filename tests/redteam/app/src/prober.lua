-- Reaches for what the sandbox does not give. Each probe answers true when it was kept out.
local io, time = require("io"), require("time")
local neighbour_id = "red:neighbour"

local probes = {}

local function refused(...)
    local ok, a, b = pcall(...)
    return not ok or (a == nil and b ~= nil)
end

for _, name in ipairs({ "load", "loadstring", "loadfile", "dofile", "collectgarbage", "debug", "newproxy", "module", "setfenv", "getfenv" }) do
    probes["no " .. name] = function() return _G[name] == nil and rawget(_G, name) == nil and not pcall(require, name) end
end
for _, name in ipairs({ "execute", "exit", "remove", "rename", "tmpname", "getenv", "setlocale" }) do
    probes["no os." .. name] = function() return os[name] == nil and rawget(os, name) == nil end
end
for _, name in ipairs({ "open", "popen", "lines", "input", "output", "tmpfile", "close", "type" }) do
    probes["no io." .. name] = function() return type(io[name]) ~= "function" or refused(io[name], "/etc/passwd") end
end

probes["no string.dump"] = function() return string.dump == nil and ("").dump == nil end
probes["no package.loaded"] = function()
    return type(package) ~= "table" or (rawget(package, "loaded") == nil and package.searchers == nil and package.preload == nil)
end
probes["package.loadlib does not load"] = function()
    return type(package.loadlib) ~= "function" or type(select(1, pcall(package.loadlib, "libc.so.6", "system"))) == "boolean"
        and type(select(2, pcall(package.loadlib, "libc.so.6", "*"))) ~= "function"
end

local function libraries()
    local all = { _G, string, table, math, coroutine, os, process, channel, errors, payload, package, io, time }
    for _, name in ipairs({ "json", "funcs", "events", "registry", "security", "logger", "env", "ctx" }) do
        all[#all + 1] = require(name)
    end
    return all
end

local function objects()
    local e, s = errors.new("x"), security
    local all = { channel.new(1), e, time.now(), time.parse_duration("1s"), time.utc, time.timer("1h"), time.ticker("1h"),
        process.with_context({}), registry.snapshot(), registry.current_version(), registry.history(), logger:named("x"),
        funcs.new(), channel.new(1):case_receive(), payload.new(1), s.new_actor("a"), s.new_scope(),
        coroutine.running(), events.subscribe("probe") }
    all[#all + 1] = funcs.async("red:nothing")
    return all
end

probes["no metatable of a library"] = function()
    for _, library in ipairs(libraries()) do
        if type(getmetatable(library)) == "table" then return false end
        if library ~= _G and not refused(setmetatable, library, {}) then return false end
    end
    return true
end
probes["no library is written to"] = function()
    for _, library in ipairs(libraries()) do
        if library ~= _G and type(library) == "table" then
            for _, name in ipairs({ "format", "insert", "spawn", "new", "brand_new", "__index", "__gc" }) do
                if not refused(function() library[name] = print end) then return false end
                if not refused(rawset, library, name, print) or rawget(library, name) == print then return false end
                if not refused(table.insert, library, print) then return false end
            end
        end
    end
    return true
end
probes["no metamethod of a library is visible"] = function()
    for _, library in ipairs(libraries()) do
        for _, event in ipairs({ "__index", "__newindex", "__metatable", "__gc", "__call", "__pairs" }) do
            if library[event] ~= nil then return false end
            if type(library) == "table" and rawget(library, event) ~= nil then return false end
        end
        for key in pairs(type(library) == "table" and library or {}) do
            if type(key) ~= "string" or key:sub(1, 2) == "__" then return false end
        end
    end
    return true
end
probes["no object is written to or opened"] = function()
    for i, object in ipairs(objects()) do
        if type(getmetatable(object)) == "table" then return false, i end
        if type(object) ~= "table" then
            if not refused(function() object.x = 1 end) or not refused(rawset, object, "x", 1) then return false, i end
        end
        for _, event in ipairs({ "__index", "__newindex", "__gc", "__metatable", "__name", "__close", "__eq", "__tostring" }) do
            local ok, value = pcall(function() return object[event] end)
            if ok and value ~= nil then return false, i .. event end
        end
        if type(object) ~= "table" and not refused(setmetatable, object, { __gc = print }) then return false, i end
    end
    return true
end
probes["no finalizer"] = function()
    local hit
    local function f() hit = true end
    local lazy = setmetatable({}, { __index = function(_, k) if k == "__gc" then return f end end })
    setmetatable({}, lazy)
    local late = {}
    setmetatable({}, late)
    late.__gc = f
    for _, object in ipairs(objects()) do
        pcall(function() object.__index.__gc = f end)
        pcall(function() getmetatable(object).__gc = f end)
    end
    local got = refused(setmetatable, {}, { __gc = f }) and refused(setmetatable, {}, { __gc = true })
        and refused(setmetatable, {}, late)
    for i = 1, 200000 do local _ = { {} } end
    return got and not hit
end
probes["the methods of strings are not exchanged"] = function()
    local s = ""
    return getmetatable("") == false and refused(function() s.upper = print end) and refused(rawset, "", "x", 1)
        and refused(function() s.__index.upper = print end) and ("x"):upper() == "X" and s.__index == nil
end
probes["_G of this process is only its own"] = function()
    local kept_process, kept_string, kept_tostring = process, string, tostring
    _G.tostring = function() return "stolen" end
    _G.process, _G.string = nil, nil
    local same = process == nil and string == nil and tostring(1) == "stolen" and ("x"):rep(2) == "xx"
    local fresh = errors.new("x"):message() == "x"
    _G.process, _G.string, _G.tostring = kept_process, kept_string, kept_tostring
    return same and fresh
end

-- ---- others

probes["pids are not forged"] = function(neighbour)
    for _, text in ipairs({ "", "{", "{}", "{red:field|}", "{red:field|0x0}", "{red:field|0xffffffffffffffff}", "{red:field|1e99}",
        "{red:field|0x00001|0x00001}", "{nowhere@red:field|0x00001}", "{red:field|-1}", "{|}", ("{"):rep(100000), "{red:field|0x00001\0}",
        neighbour .. "\0", neighbour .. "x", "{red:nothing|0x00001}", "{red:terminal|0x99999}", "{system|0x1}" }) do
        for _, verb in ipairs({ "send", "cancel", "terminate", "monitor", "link", "unlink", "unmonitor" }) do
            if not refused(process[verb], text, "topic") and verb:sub(1, 2) ~= "un" then return false, verb .. " " .. text:sub(1, 40) end
        end
    end
    return true
end
probes["system topics are not sent"] = function(neighbour)
    for _, topic in ipairs({ "@pid/events", "@pid/inbox", "@", "@anything" }) do
        if not refused(process.send, neighbour, topic, { kind = "pid.cancel" }) then return false end
    end
    return true
end
probes["system topics are not listened to"] = function()
    return refused(process.listen, "@pid/events") and refused(process.listen, "@x") and refused(subscribe, "@pid/events", channel.new(1))
end
probes["a name of another is not taken away"] = function(neighbour)
    if not refused(process.registry.register, "crown") then return false, "register" end
    if process.registry.lookup("crown") ~= neighbour then return false, "lookup" end
    return true
end
probes["tokens are not forged"] = function()
    if not security.token_store then return true end
    local store = security.token_store("red:nothing")
    return store == nil
end
probes["no entry becomes bytecode"] = function()
    local set = registry.snapshot():changes()
    set:create({ id = "red:bytes", kind = "process.lua", data = { source = "\27Lua\84\0\25\147\r\n\26\n" } })
    return set:apply() == nil or refused(process.spawn, "red:bytes", "red:field")
end
probes["no source escapes the project"] = function()
    local changes = registry.snapshot():changes()
    changes:create({ id = "red:thief", kind = "process.lua", data = { source = "file:///etc/passwd" } })
    local ok = pcall(function() assert(changes:apply()) end)
    return not ok or refused(process.spawn, "red:thief", "red:field")
end
probes["a fence holds"] = function(_, fort)
    local scope = security.named_scope and security.named_scope("red:prisoner")
    if not scope then return false, "no scope" end
    local spawner = process.with_context({}):with_actor(security.new_actor("prisoner")):with_scope(scope)
    local answer = spawner:exec("red:prisoner", "red:field", fort)
    return answer == "kept out", tostring(answer)
end

local function main()
    local inbox = process.inbox()
    local neighbour = assert(process.spawn(neighbour_id, "red:field"))
    process.send(neighbour, "ping", 1)
    inbox:receive() -- it has its name
    local fort = assert(process.spawn(neighbour_id, "red:fort"))
    local names, bad = {}, 0
    for name in pairs(probes) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        local ok, good, what = pcall(probes[name], neighbour, fort)
        if not ok or not good then
            bad = bad + 1
            io.print("FAIL " .. name .. ": " .. (ok and ("reached" .. (what and " (" .. what .. ")" or "")) or errors.new(good or "?"):message()))
        end
    end
    process.send(neighbour, "ping", 2)
    inbox:receive()
    io.print(("prober: %d probes, %d failed"):format(#names, bad))
    return bad
end
return { main = main }
