-- What a process of a terminal host can do, one thing for each first argument.
local io = require("io")
local time = require("time")
local logger = require("logger")
local funcs = require("funcs")
local system = require("system")

local act = {}

function act.pid() io.print(process.pid()) end

function act.write()
    assert(io.write("a", 1, 2.5, true) == true)
    assert(io.write("\n") == true)
    assert(io.print("x", 1, nil, false) == true)
    assert(io.print() == true)
    assert(io.eprint("to", "errors") == true)
    assert(io.flush() == true)
end

function act.args(...)
    io.print(#io.args(), table.concat(io.args(), ","))
    io.print(select("#", ...), ...)
end

function act.upper() -- a prompt, until an empty line or the end
    while true do
        io.write("> ")
        local line = io.readline()
        if not line or #line == 0 then break end
        io.print(line:upper())
    end
    io.print("Goodbye!")
end

function act.lines() -- each line, then what the end looks like
    while true do
        local line, err = io.readline()
        if not line then
            io.print("end", err:kind(), tostring(err))
            return
        end
        io.print("[" .. line .. "]")
    end
end

function act.bytes()
    local n, text = 0, io.read(4)
    while text do
        io.print(#text, text)
        n = n + #text
        text = io.read(4)
    end
    local _, err = io.read()
    io.print(n, err:kind())
end

function act.read_while() -- others run while it waits for a line
    local other = process.spawn_monitored("app:silent", "app:processes")
    local events = process.events()
    coroutine.spawn(function()
        for _ = 1, 4 do time.sleep("5ms") end
        io.print("ticked", events:receive().from == other)
    end)
    io.print("waiting")
    io.print(io.readline())
end

function act.raw(how) -- keys as they come, until q; "left" ends without giving the mode back
    assert(io.raw() == true and io.raw(true) == true) -- counts
    io.write("raw\r\n")
    while true do
        local key = io.read(1)
        if key == "q" then break end
        io.write(string.format("<%02x>", key:byte()))
    end
    if how == "raise" then error("with the terminal raw") end
    if how == "left" then return 7 end
    assert(io.raw(false) == true)
    io.write("still raw\r\n")
    assert(io.read(1) == "q")
    assert(io.raw(false) == true)
    assert(io.raw(false) == true) -- more than there were: nothing
    io.print("lines again")
    io.print("[" .. io.readline() .. "]")
end

function act.raw_wait() -- until it is interrupted from outside
    io.raw()
    io.write("raw\r\n")
    return process.events():receive().kind == process.event.CANCEL and 9 or 1
end

function act.busy() -- the host runs one process at a time
    local pid, err = process.spawn("app:silent", "app:terminal")
    io.print(pid, err and err:kind(), err and err:message())
end

function act.other_host() -- nothing is printed elsewhere
    io.print(process.exec("app:silent", "app:processes"))
end

function act.terminate()
    process.terminate(process.pid())
    time.sleep("1m")
end

function act.call()
    for i = 1, 3 do io.print(string.format("%d: %s", i, funcs.call("app:greeter", "n" .. i))) end
    io.print(funcs.call("app:greeter", "Alice"))
end

function act.pool() -- three coroutines, ten jobs
    local jobs, results = channel.new(10), channel.new(10)
    for w = 1, 3 do
        coroutine.spawn(function()
            while true do
                local job, ok = jobs:receive()
                if not ok then break end
                time.sleep("20ms")
                results:send({ job = job, worker = w })
            end
        end)
    end
    for i = 1, 10 do jobs:send(i) end
    jobs:close()
    for _ = 1, 10 do
        local r = results:receive()
        io.print(string.format("Job #%d: %d^2 = %d  (worker %d)", r.job, r.job, r.job * r.job, r.worker))
    end
end

function act.log()
    logger:debug("a debug line")
    logger:info("an info line", { b = 2, a = "x", t = { 1, "y" }, e = errors.new("bad"), f = print, [5] = "no" })
    logger:warn("a warning")
    logger:error("an error", { error = errors.new("cause"), a = 1 })
    logger:with({ k = "v" }):info("with fields", { l = 1.5 })
    logger:named("one"):named("two"):info("named")
    print("printed", 1, nil, true)
end

function act.exit(code)
    system.exit(tonumber(code))
    process.events():receive() -- an orderly end
    io.print("told")
end

function act.cancel()
    local events = process.events()
    io.print("ready")
    local event = events:receive()
    io.print(event.kind, event.reason, event.from == "")
    return 4
end

function act.raise_object() error(errors.new{ message = "an object", kind = errors.NOT_FOUND }) end
function act.large() return 4294967296 + 7 end

return { main = function(action, ...) return act[action](...) end }
