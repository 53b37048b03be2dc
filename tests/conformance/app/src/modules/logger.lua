-- What the logger answers; what it writes is looked at from outside.
local logger = require("logger")
local io = require("io")
local expect = require("expect")
local case, main = expect.cases()

case("it is an object", function()
    expect.equal(type(logger), "userdata")
end)

case("every level, with and without fields", function()
    for _, level in ipairs{ "debug", "info", "warn", "error" } do
        logger[level](logger, "text")
        logger[level](logger, "text", { a = 1, t = { 1 }, e = errors.new("x"), f = print })
    end
end)

case("with and named answer loggers", function()
    local other = logger:with({ a = 1 })
    expect.equal(type(other), "userdata")
    other:info("text")
    other:named("part"):named("of"):info("text")
end)

case("wrong arguments raise", function()
    expect.raises("", logger.named, logger, "")
    expect.raises("", logger.info, logger, {})
    expect.raises("", logger.info, logger)
    expect.raises("", logger.info, logger, "text", 5)
end)

case("without a terminal there is no terminal", function()
    for _, name in ipairs{ "write", "print", "eprint", "read", "readline", "flush", "raw" } do
        expect.failure("Unavailable", "no terminal context", io[name]("x"))
    end
    expect.equal(type(io.args()), "table")
end)

return { main = main }
