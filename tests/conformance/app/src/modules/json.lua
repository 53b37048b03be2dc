-- The json module.
local json = require("json")
local expect = require("expect")
local case, main = expect.cases()

case("encode", function()
    for _, pair in ipairs{
        { true, "true" }, { 42, "42" }, { -7, "-7" }, { 3.14, "3.14" }, { 99.5, "99.5" }, { 1e21, "1e+21" },
        { "a\"b\\c\n", '"a\\"b\\\\c\\n"' }, { "ünï", '"ünï"' }, { {}, "[]" }, { { 1, 2, 3 }, "[1,2,3]" },
        { { b = 1, a = { c = true } }, '{"a":{"c":true},"b":1}' }, { math.huge, "null" }, { 0 / 0, "null" },
        { 9007199254740993, "9007199254740993" }, { "\1", '"\\u0001"' },
    } do
        expect.equal(json.encode(pair[1]), pair[2])
    end
    expect.equal(json.encode(nil), "null")
end)

case("what cannot be encoded", function()
    local cycle = {}
    cycle.self = cycle
    local deep = {}
    for _ = 1, 150 do deep = { deep } end
    for name, v in pairs{ sparse = { [1] = 1, [5] = 5 }, mixed = { 1, a = 2 }, cycle = cycle, deep = deep,
                          fn = { print } } do
        local text, err = json.encode(v)
        if name ~= "fn" or text == nil then
            expect.is_nil(text, name)
            expect.equal(err:kind(), "Internal", name)
        end
    end
end)

case("decode", function()
    expect.integer(json.decode("42"), 42)
    expect.integer(json.decode("2.0"), 2)
    expect.equal(json.decode("2.5"), 2.5)
    expect.equal(json.decode('"\\u00fc\\n"'), "ü\n")
    expect.equal(json.decode('"\\ud83d\\ude00"'), "😀")
    expect.same(json.decode(' {"a": [1, {"b": null}], "c": false} '), { a = { 1, {} }, c = false })
    expect.is_nil(json.decode("null"))
    expect.same(json.decode("[]"), {})
end)

case("what cannot be decoded", function()
    expect.failure("Invalid", "*", json.decode(""))
    expect.failure("Invalid", "*string expected", json.decode(5))
    for _, text in ipairs{ "{", "[1,]", "{a:1}", "tru", "1 2", '"\\x"', "[1 2]", "'a'" } do
        local v, err = json.decode(text)
        expect.is_nil(v, text)
        expect.equal(err:kind(), "Internal", text)
        expect.equal(err:retryable(), false, text)
    end
end)

case("there and back", function()
    local v = { list = { 1, 2.5, "x", true }, nested = { deep = { deeper = "y" } }, n = -1 }
    expect.same(json.decode(json.encode(v)), v)
end)

local schema = {
    type = "object",
    required = { "name", "age" },
    properties = {
        name = { type = "string", minLength = 2, maxLength = 5 },
        age = { type = "integer", minimum = 0, maximum = 150 },
        tags = { type = "array", items = { type = "string" } },
        level = { enum = { "low", "high" } },
    },
}

case("validate", function()
    local fine, err = json.validate(schema, { name = "ann", age = 5, tags = { "a" }, level = "low" })
    expect.equal(fine, true)
    expect.is_nil(err)
    for name, v in pairs{
        missing = { name = "ann" }, wrong_type = { name = 5, age = 5 }, short = { name = "a", age = 5 },
        long = { name = "abcdef", age = 5 }, low = { name = "ann", age = -1 }, high = { name = "ann", age = 151 },
        item = { name = "ann", age = 5, tags = { 1 } }, enum = { name = "ann", age = 5, level = "mid" },
        fraction = { name = "ann", age = 1.5 },
    } do
        local ok, problem = json.validate(schema, v)
        expect.equal(ok, false, name)
        expect.equal(problem:kind(), "Invalid", name)
        expect.contains(problem, "validation failed", name)
    end
end)

case("validate text, schema as text", function()
    local text = json.encode(schema)
    expect.equal(json.validate(text, { name = "ann", age = 5 }), true)
    expect.equal(json.validate_string(schema, '{"name": "ann", "age": 5}'), true)
    expect.equal(json.validate_string(text, '{"name": "ann"}'), false)
end)

case("validate asks for both", function()
    expect.failure("Invalid", "data is required", json.validate(schema, nil))
    expect.failure("Invalid", "schema is required", json.validate(nil, 5))
end)

return { main = main }
