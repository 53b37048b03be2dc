-- What every script finds, what it does not, and how modules come.
local expect = require("expect")
local lib = require("lib")
local case, main = expect.cases()

case("always there", function()
    for _, name in ipairs{ "process", "channel", "payload", "os", "errors", "string", "table", "math", "coroutine",
                           "package" } do
        expect.truthy(_G[name] ~= nil, name)
    end
    for _, name in ipairs{ "print", "subscribe", "unsubscribe", "require", "type", "tonumber", "tostring", "assert",
                           "error", "pcall", "xpcall", "pairs", "ipairs", "next", "getmetatable", "setmetatable",
                           "rawget", "rawset", "rawequal", "select", "unpack" } do
        expect.equal(type(_G[name]), "function", name)
    end
    expect.equal(_G._G, _G)
    expect.equal(type(_VERSION), "string")
end)

case("never there", function()
    for _, name in ipairs{ "load", "loadstring", "loadfile", "dofile", "collectgarbage", "rawlen", "debug", "utf8",
                           "io" } do
        expect.is_nil(_G[name], name)
    end
    for _, name in ipairs{ "execute", "exit", "remove", "rename", "tmpname", "getenv", "setlocale" } do
        expect.is_nil(os[name], "os." .. name)
    end
    expect.is_nil(string.dump, "string.dump")
end)

case("require answers modules that were granted", function()
    expect.equal(require("time"), time)
    expect.equal(require("lib"), lib)
    expect.equal(require("process"), process)
    expect.equal(require("errors"), errors)
    expect.equal(require("os"), os)
end)

case("require names what is missing", function()
    expect.raises("module 'json' not found", require, "json")
    expect.raises("module 'no.such' not found", require, "no.such")
end)

case("an import may name a built-in module", function()
    expect.equal(str.upper("x"), "X")
end)

case("a library runs once in a process", function()
    local one = lib.next()
    expect.integer(require("lib").next(), one + 1)
end)

case("libraries of the language and modules are read-only", function()
    for name, t in pairs{ string = string, table = table, math = math, os = os, coroutine = coroutine,
                          process = process, channel = channel, errors = errors, payload = payload, time = time } do
        local fine = pcall(function() t.anything = 1 end)
        expect.equal(fine, false, name .. ".anything = 1")
        fine = pcall(rawset, t, "anything", 1)
        expect.truthy(not fine or t.anything == nil, "rawset on " .. name)
    end
end)

case("table, string and math", function()
    for _, name in ipairs{ "insert", "remove", "concat", "sort", "unpack", "create" } do
        expect.equal(type(table[name]), "function", "table." .. name)
    end
    expect.same(table.create(10, 10), {})
    for _, name in ipairs{ "find", "match", "gmatch", "gsub", "upper", "lower", "sub", "len", "byte", "char", "rep",
                           "reverse", "format" } do
        expect.equal(type(string[name]), "function", "string." .. name)
    end
    expect.equal(("x"):rep(3):upper(), "XXX")
    for _, name in ipairs{ "abs", "ceil", "floor", "sqrt", "sin", "cos", "tan", "exp", "log", "max", "min", "fmod",
                           "modf", "pow", "log10", "atan2", "sinh", "cosh", "tanh", "tointeger", "type", "ult",
                           "random", "randomseed" } do
        expect.equal(type(math[name]), "function", "math." .. name)
    end
    expect.integer(math.maxinteger, 9223372036854775807)
    expect.integer(math.mininteger, -9223372036854775807 - 1)
    expect.equal(math.huge, 1 / 0)
    expect.truthy(math.abs(math.pi - 3.14159265) < 1e-6, "pi")
    expect.equal(math.pow(2, 3), 8.0)
    expect.equal(math.log10(1000), 3.0)
end)

case("the language: integer division, bits, goto, labels", function()
    expect.integer(7 // 2, 3)
    expect.integer(5 & 3 | 8, 9)
    expect.integer(1 << 4, 16)
    expect.integer(~0, -1)
    local n = 0
    for i = 1, 5 do
        if i % 2 == 0 then goto continue end
        n = n + i
        ::continue::
    end
    expect.integer(n, 9)
    local c <const> = 5
    expect.integer(c, 5)
end)

case("integers print without a fraction", function()
    expect.equal(tostring(42), "42")
    expect.equal("n=" .. 21 * 2, "n=42")
    expect.equal(string.format("%d", 7), "7")
    expect.equal(tostring(1.0), "1.0")
end)

case("finalizers are refused", function()
    expect.raises("'__gc' is not available", setmetatable, {}, { __gc = function() end })
end)

case("a pattern cannot run for ever", function()
    local pattern = (".-"):rep(12) .. "b"
    expect.raises("pattern too complex", string.find, ("a"):rep(3000), pattern)
end)

case("globals of a call are its own", function()
    unlikely_global_name = 1
    expect.equal(_G.unlikely_global_name, 1)
    unlikely_global_name = nil
    expect.is_nil(_G.unlikely_global_name)
end)

return { main = main }
