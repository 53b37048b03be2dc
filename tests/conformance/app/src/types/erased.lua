-- Every form of a type annotation that may stand in a source. That this file loads is half the test; that
-- line numbers hold is the other half.
local expect = require("expect")
local case, main = expect.cases()

type Job = {id: integer, input: integer}
type Stats = {[string]: number}
type Names = string[]
type Maybe = {note?: string, "quoted": boolean}
type Mode = "fast" | "slow" | 3 | true | nil
type Both = Job & Maybe
type Handler = (number, string?) -> (boolean, string)
type Result<T> = {value: T?, error: string?}
type Pair<A, B> = {first: A, second: B}
type Frozen = readonly {number}
type Age = number @min(0) @max(150)
type Wide =
    | string
    | number
    | {
        nested: {[integer]: any},
        list: Job[],
    }


case("return types", function()
    local function one(): integer return 1 end
    local function two(): (integer, string) return 2, "b" end
    local function none(): nil end
    local function table_(): {[string]: any} return { a = 1 } end
    local function optional(): string? return nil end
    local function array(): number[] return { 1 } end
    local function fn(): (number) -> number return function(x: number): number return x + 1 end end
    local function union(): string | number return 5 end
    expect.integer(one(), 1)
    expect.same({ two() }, { 2, "b" })
    expect.is_nil(none())
    expect.same(table_(), { a = 1 })
    expect.is_nil(optional())
    expect.same(array(), { 1 })
    expect.equal(fn()(1), 2)
    expect.equal(union(), 5)
end)

case("parameter types", function()
    local function f(n: number, s: string, t: {[string]: any}, o: number?, ...: number): string
        return n .. s .. tostring(t.k) .. tostring(o) .. select("#", ...)
    end
    expect.equal(f(1, "a", { k = "v" }, nil, 5, 6), "1avnil2")
    local object = { v = 3 }
    function object:get(by: integer): integer return self.v * by end
    function object.static(a: any[], b): integer return #a + b end
    expect.integer(object:get(2), 6)
    expect.integer(object.static({ 1, 2 }, 3), 5)
    expect.integer((function(x: integer): integer return x end)(4), 4)
end)

case("local annotations", function()
    local stats: Stats = { a = 1 }
    local a: number, b: string? = 1, "x"
    local empty: Job
    local c: integer <const>, d = 5, 6
    local list: {number} = { 1, 2 }
    local handler: Handler = function(n: number, s: string?): (boolean, string) return n > 0, s or "" end
    expect.equal(stats.a, 1)
    expect.same({ a, b }, { 1, "x" })
    expect.is_nil(empty)
    expect.integer(c + d, 11)
    expect.equal(#list, 2)
    expect.same({ handler(1) }, { true, "" })
end)

case("generics", function()
    local function identity<T>(x: T): T return x end
    local function pair<A, B: table>(a: A, b: B): Pair<A, B> return { first = a, second = b } end
    local box: Result<Result<number>>= { value = { value = 5 } }
    expect.integer(identity(5), 5)
    expect.equal(pair(1, { 2 }).second[1], 2)
    expect.integer(box.value.value, 5)
end)

case("casts and non-nil", function()
    local t: {name: string}? = { name = "n" }
    local x = 5 :: number
    local y = t :: any
    local z = (x as integer) + 1
    expect.integer(x, 5)
    expect.equal(y, t)
    expect.integer(z, 6)
    expect.equal((t!).name, "n")
    expect.equal(t!.name, "n")
    expect.truthy(x! ~= 6, "unequal")
    local s = tostring(x) :: string .. "!"
    expect.equal(s, "5!")
    local as = "a name" -- is no keyword
    expect.equal(as, "a name")
end)

case("type aliases inside blocks, over several lines", function()
    type Local = {
        a: integer,
        b: string | nil,
    }
    do
        type Inner = Local | "x"
        local v: Inner = "x"
        expect.equal(v, "x")
    end
    local v: Local = { a = 1 }
    expect.integer(v.a, 1)
end)

case("type stays a function and a name", function()
    expect.equal(type(5), "number")
    local object = { type = "field" }
    object.type = "changed"
    expect.equal(object.type, "changed")
    local names = { type }
    expect.equal(names[1]("x"), "string")
    local type = type -- luacheck: ignore
    expect.equal(type({}), "table")
end)

case("type(x) answers names of the language", function()
    expect.equal(type(1), "number")
    expect.equal(type(1.5), "number")
end)

case("labels are no casts", function()
    local sum = 0
    for i = 1, 4 do
        if i == 2 then goto continue end
        sum = sum + i
        ::continue::
    end
    expect.integer(sum, 8)
end)

case("method calls are no annotations", function()
    local s = "abc"
    local n = s:len()
    local u, l = s:upper(), s
        :lower()
    expect.same({ n, u, l }, { 3, "ABC", "abc" })
end)

case("strings and comments are left alone", function()
    local a = "x :: number" --[[ local b: number = 5 ]] .. [[
type X = string]] .. 'a as b' --: string
    expect.equal(a, "x :: number" .. "type X = string" .. "a as b")
end)

case("line numbers hold", function()
    local _, text = pcall(function(): nil
        type Long = {
            a: string,
        }
        local v: Long? = nil
        return v.a :: any
    end)
    expect.matches(text, "^app%.types:erased:159:")
end)

return { main = main }
