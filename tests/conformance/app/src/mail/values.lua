-- What crosses from one process to another, by each way there is.
local time = require("time")
local funcs = require("funcs")
local events = require("events")
local expect = require("expect")
local case, main = expect.cases()
local HOST = expect.HOST

local subscription
local ways = {
    message = function(value)
        local ch = process.listen("value")
        process.send(process.pid(), "value", value)
        return (expect.receive(ch))
    end,
    argument_and_result = function(value) return (funcs.call("app.mail:echo", value)) end,
    spawn_and_exit = function(value) return expect.outcome("value", value).value end,
    exec = function(value) return (process.exec("app:actor", HOST, "value", value)) end,
    event = function(value)
        subscription = subscription or events.subscribe("values")
        events.send("values", "k", "p", value)
        return expect.receive(subscription:channel()).data
    end,
}

-- The case runs with each way.
local function each(name, body)
    case(name, function()
        subscription = nil
        for way, through in pairs(ways) do body(through, way) end
    end)
end

each("booleans, strings and nil", function(through, way)
    expect.equal(through(true), true, way)
    expect.equal(through(false), false, way)
    expect.is_nil(through(nil), way)
    expect.equal(through(""), "", way)
    expect.equal(through("a\0b\255"), "a\0b\255", way)
    local long = ("x"):rep(100000)
    expect.truthy(through(long) == long, way)
end)

each("integers and floats stay what they are", function(through, way)
    expect.integer(through(0), 0, way)
    expect.integer(through(-1), -1, way)
    expect.integer(through(math.maxinteger), math.maxinteger, way)
    expect.integer(through(math.mininteger), math.mininteger, way)
    expect.equal(math.type(through(1.0)), "float", way)
    expect.equal(through(0.1), 0.1, way)
    expect.equal(through(math.huge), math.huge, way)
    local nan = through(0 / 0)
    expect.truthy(nan ~= nan, way .. ": not a number")
end)

each("tables are copied in depth", function(through, way)
    local value = { 1, 2, { x = { y = "z" } }, key = "v", [2.5] = "float key", [true] = "bool key" }
    local copy = through(value)
    expect.same(copy, value, way)
    expect.truthy(copy ~= value and copy[3] ~= value[3], way .. ": a copy")
    expect.same(through({}), {}, way)
end)

each("shared parts stay shared, cycles stay cycles", function(through, way)
    local part = { 1 }
    local copy = through({ a = part, b = part })
    expect.truthy(copy.a == copy.b, way .. ": shared")
    local cycle = { name = "c" }
    cycle.self = cycle
    copy = through(cycle)
    expect.truthy(copy.self == copy and copy.name == "c", way .. ": cycle")
end)

each("tables may be keys", function(through, way)
    local copy = through({ [{ 1 }] = "v" })
    local key = next(copy)
    expect.same(key, { 1 }, way)
end)

each("metatables are dropped and not run", function(through, way)
    local value = setmetatable({ 1 }, { __index = function() error("ran") end, __pairs = function() error("ran") end })
    local copy = through(value)
    expect.is_nil(getmetatable(copy), way)
    expect.same(copy, { 1 }, way)
end)

each("functions, coroutines, channels and objects become nil", function(through, way)
    local copy = through({ f = print, t = coroutine.create(print), c = channel.new(), d = time.parse_duration("1s"),
                           kept = 1 })
    expect.same(copy, { kept = 1 }, way)
end)

each("error objects arrive with kind, message, retryable, details", function(through, way)
    local sent = errors.new{ message = "m", kind = "Conflict", retryable = true, details = { a = { 1, 2 } } }
    local got = through({ e = sent }).e
    expect.equal(type(got), "userdata", way)
    expect.equal(got:message(), "m", way)
    expect.equal(got:kind(), "Conflict", way)
    expect.equal(got:retryable(), true, way)
    expect.same(got:details(), { a = { 1, 2 } }, way)
    expect.is_nil(through({ e = errors.new("plain") }).e:retryable(), way)
end)

each("what an error is wrapped in arrives with it", function(through, way)
    local inner = errors.new{ message = "m", kind = "Conflict", details = { 1 } }
    local got = through({ errors.wrap(inner, "saving"), errors.wrap("text", "outer") })
    expect.equal(got[1]:message(), "m", way)
    expect.equal(tostring(got[1]), "saving: m", way)
    expect.same(got[1]:details(), { 1 }, way)
    expect.equal(tostring(errors.wrap(got[1], "again")), "again: saving: m", way)
    expect.equal(tostring(got[2]), "outer: text", way)
    expect.is_nil(got[2]:details(), way)
end)

each("payload objects arrive as their content", function(through, way)
    expect.same(through({ p = payload.new({ 1 }) }), { p = { 1 } }, way)
    expect.same(through(payload.new({ 2 })), { 2 }, way)
end)

case("functions as top values become nil", function()
    expect.same(expect.outcome("shape", print, channel.new(), 1).value, { count = 3, "nil", "nil", "integer" })
end)

case("what nests too deep is refused", function()
    local deep = {}
    for _ = 1, 1000 do deep = { deep } end
    local fine, value, err = pcall(process.send, process.pid(), "deep", deep)
    expect.truthy(not fine or (value == nil and err), "refused")
    expect.contains(fine and err or value, "nesting too deep")
end)

case("each receiver of an event has its own copy", function()
    local one, two = events.subscribe("copies"), events.subscribe("copies")
    events.send("copies", "k", "p", { 1 })
    local a, b = expect.receive(one:channel()).data, expect.receive(two:channel()).data
    expect.same(a, b)
    expect.truthy(a ~= b, "own copies")
end)

return { main = main }
