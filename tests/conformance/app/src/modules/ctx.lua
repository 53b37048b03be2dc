-- Context values.
local ctx = require("ctx")
local funcs = require("funcs")
local expect = require("expect")
local case, main = expect.cases()

case("all is a table", function()
    expect.same(ctx.all(), {})
end)

case("get of what is not there", function()
    expect.final_failure("NotFound", "key not found: nothing", ctx.get("nothing"))
    expect.final_failure("Invalid", "empty key", ctx.get(""))
end)

case("values of a call", function()
    local e = funcs.new():with_context({ s = "x", n = 5, t = { 1, { 2 } }, b = false })
    expect.equal(e:call("app.modules:context", "s"), "x")
    expect.integer(e:call("app.modules:context", "n"), 5)
    expect.same(e:call("app.modules:context", "t"), { 1, { 2 } })
    expect.same(e:call("app.modules:context").all, { s = "x", n = 5, t = { 1, { 2 } }, b = false })
    expect.failure("NotFound", "key not found: z", e:call("app.modules:context", "z"))
end)

case("values are not seen outside of the call", function()
    funcs.new():with_context({ s = "x" }):call("app.modules:context")
    expect.same(ctx.all(), {})
end)

case("function to process to function", function()
    local got = funcs.new():with_context({ k = "v" }):call("app.modules:context_of_process")
    expect.same(got.all, { k = "v" })
end)

case("a function that a process calls has its values", function()
    local got = process.with_context({ p = 1 }):exec("app:actor", expect.HOST, "call", "app.modules:context")
    expect.same(got.all, { p = 1 })
end)

case("the answer is a copy", function()
    local all = ctx.all()
    all.x = 1
    expect.same(ctx.all(), {})
end)

return { main = main }
