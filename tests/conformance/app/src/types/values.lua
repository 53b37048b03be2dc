-- Types as values: casts that check, Type(v), Type:is(v).
local expect = require("expect")
local case, main = expect.cases()

type Point = {x: number, y: number}
type User = {name: string @min_len(2), age: integer @min(0) @max(150), email?: string, tags: string[]}
type Level = "low" | "high"
type Id = string | integer
type Names = {[string]: integer}
type Maybe = number?
type Nested = {user: User, at: Point}

case("primitive casts", function()
    expect.equal(string("x"), "x")
    expect.equal(number(1.5), 1.5)
    expect.integer(integer(3), 3)
    expect.equal(boolean(false), false)
    expect.raises("expected string, got nil", string, nil)
    expect.raises("expected number", number, "5")
    expect.raises("expected integer", integer, 1.5)
    expect.raises("expected boolean", boolean, 0)
    expect.equal(string.upper("still a library"), "STILL A LIBRARY")
end)

case("a type is a checked cast", function()
    local p = { x = 1, y = 2 }
    expect.equal(Point(p), p)
    expect.raises("y", Point, { x = 1 })
    expect.raises("expected", Point, "no table")
end)

case("is answers the value or nil and an error", function()
    local p = { x = 1, y = 2 }
    local v, err = Point:is(p)
    expect.equal(v, p)
    expect.is_nil(err)
    v, err = Point:is({ x = 1 })
    expect.is_nil(v)
    expect.contains(err, "y")
    v, err = Point:is({ x = 1, y = "2" })
    expect.is_nil(v)
    expect.contains(err, "expected")
end)

case("optional fields, arrays, validators", function()
    expect.truthy(User:is({ name = "ann", age = 5, tags = {} }))
    expect.truthy(User:is({ name = "ann", age = 5, tags = { "a" }, email = "e" }))
    for part, v in pairs{
        name = { age = 5, tags = {} },
        age = { name = "ann", age = 200, tags = {} },
        tags = { name = "ann", age = 5, tags = { 1 } },
        email = { name = "ann", age = 5, tags = {}, email = 5 },
    } do
        local got, err = User:is(v)
        expect.is_nil(got, part)
        expect.contains(err, part)
    end
    local _, err = User:is({ name = "a", age = 5, tags = {} })
    expect.contains(err, "length")
    _, err = User:is({ name = "ann", age = -1, tags = {} })
    expect.contains(err, "min")
    _, err = User:is({ name = "ann", age = 151, tags = {} })
    expect.contains(err, "max")
end)

case("unions, literals, maps, optional", function()
    expect.equal(Level:is("low"), "low")
    expect.is_nil(Level:is("mid"))
    expect.equal(Id:is("x"), "x")
    expect.integer(Id:is(5), 5)
    expect.is_nil(Id:is(1.5))
    expect.truthy(Names:is({ a = 1, b = 2 }))
    expect.is_nil(Names:is({ a = "x" }))
    expect.is_nil(Names:is({ [1] = 1 }))
    expect.is_nil(select(2, Maybe:is(nil)))
end)

case("types in types", function()
    local v = { user = { name = "ann", age = 1, tags = {} }, at = { x = 0, y = 0 } }
    expect.equal(Nested(v), v)
    v.at.x = nil
    expect.raises("x", Nested, v)
end)

return { main = main }
