-- Payload objects.
local expect = require("expect")
local case, main = expect.cases()

case("formats", function()
    expect.same({ payload.format.JSON, payload.format.YAML, payload.format.STRING, payload.format.BYTES,
                  payload.format.MSGPACK, payload.format.LUA, payload.format.GOLANG, payload.format.ERROR },
        { "json/plain", "yaml/plain", "text/plain", "application/octet-stream", "application/msgpack", "lua/any",
          "golang/any", "golang/error" })
end)

case("new, data, get_format, unmarshal", function()
    for _, v in ipairs{ 5, "text", true, { a = { 1 } } } do
        local p = payload.new(v)
        expect.equal(p:get_format(), payload.format.LUA)
        local data, err = p:data()
        expect.same(data, v)
        expect.is_nil(err)
        expect.same(p:unmarshal(), v)
    end
    expect.is_nil(payload.new(nil):data())
    expect.equal(tostring(payload.new(1)), "payload{format=lua/any}")
    expect.equal(type(payload.new(1)), "userdata")
end)

case("an error has a format of its own", function()
    local p = payload.new(errors.new("e"))
    expect.equal(p:get_format(), payload.format.ERROR)
    expect.equal(p:data():message(), "e")
end)

case("to JSON and back", function()
    local p, err = payload.new({ a = 1, b = { true, "x" } }):transcode(payload.format.JSON)
    expect.truthy(p, tostring(err))
    expect.equal(p:get_format(), payload.format.JSON)
    expect.equal(p:data(), '{"a":1,"b":[true,"x"]}')
    expect.same(p:unmarshal(), { a = 1, b = { true, "x" } })
end)

case("what cannot be made is told", function()
    expect.failure("Internal", "*", payload.new({ 1 }):transcode("no/such"))
end)

return { main = main }
